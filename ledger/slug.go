package ledger

import "strings"

// CheckSlug reports whether s is a slug: 1 to MaxSlug lower-case letters, digits
// and inner hyphens, beginning with a letter or digit.
func CheckSlug(s string) error {
	if len(s) == 0 || len(s) > MaxSlug {
		return wrong(CodeForm, "a slug has 1 to %d characters: %q", MaxSlug, s)
	}
	for i, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case c == '-' && i > 0 && i < len(s)-1:
		default:
			return wrong(CodeForm, "a slug has lower-case letters, digits and inner hyphens only: %q", s)
		}
	}
	return nil
}

// CheckName reports whether s can name a network: slugs joined by dots, like a
// domain name, MaxName characters at most. It becomes part of origin lines and
// key names, where C2SP allows no space and no plus sign.
func CheckName(s string) error {
	if len(s) == 0 || len(s) > MaxName {
		return wrong(CodeForm, "a network name has 1 to %d characters", MaxName)
	}
	for _, label := range strings.Split(s, ".") {
		if err := CheckSlug(label); err != nil {
			return because(CodeForm, err, "network name %q", s)
		}
	}
	return nil
}
