package gs1

import "strings"

// A coupon is a North American coupon code being read from left to
// right: fields without separators, many of them led by a digit that
// gives the length of what follows. The first mistake sticks.
type coupon struct {
	rest string
	err  *Error
}

// lintCoupon checks the value of AI (8110), which the North American
// Coupon Application Guideline defines: company prefix, offer, what is
// saved, the first purchase, and optional fields 1 to 6 and 9 in
// ascending order, each led by its number.
func lintCoupon(s string) *Error {
	if err := isDigits(s); err != nil {
		return err
	}
	c := &coupon{rest: s}
	c.sized("company prefix", 6, '0', '6')
	c.digits("offer code", 6)
	c.sized("save value", 0, '1', '5')
	c.purchase("first")
	if c.optional('1') {
		c.choice("additional purchase rules code", "0123")
		c.purchase("second")
		c.purchaseCompany("second")
	}
	if c.optional('2') {
		c.purchase("third")
		c.purchaseCompany("third")
	}
	c.validity()
	if c.optional('5') {
		c.sized("serial number", 6, '0', '9')
	}
	if c.optional('6') {
		c.sized("retailer", 6, '1', '7')
	}
	if c.optional('9') {
		c.choice("save value code", "01256")
		c.choice("item that the save value applies to", "012")
		c.choice("store coupon flag", digits)
		c.choice("don't multiply flag", "01")
	}
	return c.end()
}

// lintCouponOffer checks the value of AI (8112), a positive offer file
// coupon.
func lintCouponOffer(s string) *Error {
	if err := isDigits(s); err != nil {
		return err
	}
	c := &coupon{rest: s}
	c.choice("format code", "01")
	c.sized("funder", 6, '0', '6')
	c.digits("offer code", 6)
	c.sized("serial number", 6, '0', '9')
	return c.end()
}

// optional reports whether the optional field of that number comes next,
// and steps over the number.
func (c *coupon) optional(number byte) bool {
	if c.err != nil || c.rest == "" || c.rest[0] != number {
		return false
	}
	c.rest = c.rest[1:]
	return true
}

// digits takes a field of n digits.
func (c *coupon) digits(what string, n int) string {
	if c.err != nil {
		return ""
	}
	if len(c.rest) < n {
		c.err = refuse(AIValue, "the coupon ends within its %s", what)
		return ""
	}
	field := c.rest[:n]
	c.rest = c.rest[n:]
	return field
}

// choice takes a field of one digit out of allowed.
func (c *coupon) choice(what, allowed string) byte {
	d := c.digits(what, 1)
	if c.err != nil {
		return 0
	}
	if !strings.Contains(allowed, d) {
		c.err = refuse(AIValue, "%s is no %s of a coupon", d, what)
		return 0
	}
	return d[0]
}

// sized takes a length digit between lo and hi, and a field of as many
// digits, and base more.
func (c *coupon) sized(what string, base int, lo, hi byte) {
	n := c.choice("length of the "+what, digits[lo-'0':hi-'0'+1])
	if c.err == nil {
		c.digits(what, base+int(n-'0'))
	}
}

func (c *coupon) purchase(which string) {
	c.sized(which+" purchase requirement", 0, '1', '5')
	c.choice(which+" purchase requirement code", "012349")
	c.digits(which+" purchase family code", 3)
}

// purchaseCompany takes a company prefix, or 9 for the one at the start.
func (c *coupon) purchaseCompany(which string) {
	if c.optional('9') {
		return
	}
	c.sized(which+" purchase company prefix", 6, '0', '6')
}

// validity takes the dates in optional fields 3 and 4.
func (c *coupon) validity() {
	var expires, starts string
	if c.optional('3') {
		expires = c.date("expiration date")
	}
	if c.optional('4') {
		starts = c.date("start date")
	}
	if c.err == nil && expires != "" && starts > expires {
		c.err = refuse(AIValue, "the coupon expires on %s, before it starts on %s", expires, starts)
	}
}

func (c *coupon) date(what string) string {
	d := c.digits(what, 6)
	if c.err == nil {
		c.err = lintDate(d, 2, 1)
	}
	return d
}

func (c *coupon) end() *Error {
	if c.err == nil && c.rest != "" {
		c.err = refuse(AIValue, "the coupon has %s after its last field", quote(c.rest))
	}
	return c.err
}
