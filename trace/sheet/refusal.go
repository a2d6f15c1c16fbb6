package sheet

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"suyuan/ledger"
	"suyuan/trace"
)

// refusalZh says in Chinese what the codes mean with which a node refuses a record.
// The node's own words, in English, have the facts: they follow.
var refusalZh = map[string]string{
	trace.RefusedNoAuthority:  "章程没有把此商品条码授予本公司，也没有授权登记此事",
	trace.RefusedNotHolder:    "按本公司的记录，货品此时不在登记方手中；请先登记收货，或取消发货",
	trace.RefusedSold:         "按本公司的记录，货品已经售出；退回的货品请登记退货",
	trace.RefusedVoid:         "此码已作废，货品不得再使用",
	trace.RefusedUsed:         "货品已制成其他商品，请填写制成后的码",
	trace.RefusedActive:       "此码已经激活",
	trace.RefusedUnknownRun:   "没有这一批次的发码记录，请先发码",
	trace.RefusedOutsideRun:   "序号超出这一批次的码数",
	trace.RefusedRunTaken:     "发码批次号已被使用，请用下一个号",
	trace.RefusedNotIssuer:    "商品档案指定由另一条链发码",
	trace.RefusedNoProduct:    "还没有商品档案，请先登记产品",
	trace.RefusedVersion:      "产品版本号已被使用，请用下一个号",
	trace.RefusedNoVersion:    "要更正的产品版本不存在",
	trace.RefusedNoChain:      "发码链号不属于本公司",
	trace.RefusedNoPlace:      "地点尚未登记，请先登记或改正编号",
	trace.RefusedNoParty:      "单位尚未登记，或者不是网络成员；请先登记或改正名称",
	trace.RefusedNotRecipient: "这批发货不是发给登记方的；货品确已到手的，请不要引用该发货",
	trace.RefusedNotSide:      "只有发货或收货的一方可以取消这批发货",
	trace.RefusedNoShipment:   "引用的记录不是发货",
	trace.RefusedNotOpen:      "没有可以对应的在途发货：已收到、已取消，或从未发出",
	trace.RefusedOverlap:      "同一个码或箱在一条记录中出现两次",
	trace.RefusedCycle:        "箱不能装入它自己里面的箱",
	trace.RefusedTooManyParts: "涉及的码过于零散，请分成几条记录",
	trace.RefusedOnHold:       "货品已暂停流通，请先登记解除",
	trace.RefusedNoHold:       "没有本方提出的暂停，由提出的一方或品牌方解除",
	trace.RefusedNoRecord:     "没有这条记录",
	trace.RefusedUncorrected:  "这类记录不能更正",
	trace.RefusedCorrected:    "已经更正过，请更正最新的那一条",
	trace.RefusedNoDisclosure: "记录中没有这一字段",
	trace.RefusedNotErasable:  "流转判断需要此字段，不能擦除",
	trace.RefusedErased:       "已经擦除",
	trace.RefusedNotAuthor:    "只有原记录的作者可以这样做",
	trace.RefusedOtherChain:   "原记录在另一条链上",
	trace.RefusedForeignSSCC:  "物流单元码不是本公司的厂商代码",

	string(ledger.CodeNoGrant):       "登记人没有登记此类事项的授权",
	string(ledger.CodeGrantLimit):    "登记人的授权限于其他单位或地点",
	string(ledger.CodeRevoked):       "登记人的授权已被撤销",
	string(ledger.CodeAhead):         "时间在将来，请检查时间和时区",
	string(ledger.CodeTooLarge):      "记录过大，请分成几条",
	string(ledger.CodeMissingAttach): "引用的文件尚未上传",

	"no-operator":      "本节点没有可以登记此类事项的操作员",
	"no-key":           "本节点没有该操作员的密钥",
	"approval-missing": "此商品付奖励，激活需要第二人批准",
	"approval-invalid": "第二人的批准无效",
	"serial-taken":     "另一批次已有相同的序列号",
	"not-ready":        "所需的码包尚未到达，请稍后再试",
	"unknown-code":     "没有签发过此码",
	"not-an-item":      "链接没有指明单个货品",
	"check-character":  "序列号的校验字符不符，可能有抄写错误",
}

// fieldZh says in Chinese what is wrong with a field, by the words of the table.
var fieldZh = map[string]string{
	"is required":                                                     "必填",
	"is required for a lot without serials":                           "无序列号的批次必须填写数量",
	"is for a lot without serials":                                    "数量只用于无序列号的批次",
	"check character does not match":                                  "序列号的校验字符不符，至少有一位录错",
	"is before from":                                                  "早于起始日期",
	"is the dealer itself":                                            "上级不能是该单位自己",
	"does not go with level 1, which buys from the brand":             "一级经销商直接向品牌方进货，没有上级",
	"a cancellation names the shipment":                               "取消发货必须引用该发货",
	"a claim is about one code":                                       "一次只能核销一个码",
	"a lot without serials stands alone, with its quantity":           "无序列号的批次须单独登记，并填写数量",
	"a correction is about what the record is about that it corrects": "更正涉及的货品须与原记录相同",
}

// refusal is the fault of a record that a node has refused.
func refusal(code, detail string) *fault {
	f := wrong(CodeBadField, detail)
	f.code = code
	if zh, ok := fieldZh[detail]; ok && code == CodeBadField {
		f.zh = zh
	} else if zh, ok := refusalZh[code]; ok {
		f.zh = zh + "。详情：" + detail
	}
	return f
}

// placeOf finds the row and column, or -1, that a refusal is about: where the field
// stands that it names, in the form of [trace.FieldError]; or else where its words
// have a code or a name, in a column of which its code speaks.
func (r *Result) placeOf(rec *Record, code, field, detail string) (row, at int) {
	b, row := r.bound[rec.layout], rec.Rows[0]
	var i int
	if n, _ := fmt.Sscanf(field, "subjects[%d]", &i); n == 1 && i >= 0 && i < len(rec.subjectRows) {
		row = rec.subjectRows[i]
		return row, b.filled(r.rows[row], goodsColumns, "")
	}
	if field != "" {
		return r.fieldAt(rec, field)
	}
	if i := rec.subjectIn(detail); i >= 0 && i < len(rec.subjectRows) {
		row = rec.subjectRows[i]
	}
	keys, named := refusedIn[code], ""
	if code == trace.RefusedNoParty {
		named = detail
	}
	for _, n := range append([]int{row}, rec.Rows...) {
		if at := b.filled(r.rows[n], keys, named); at >= 0 {
			return n, at
		}
	}
	return row, -1
}

// fieldAt finds the first row of a record that has something in a column of a field.
func (r *Result) fieldAt(rec *Record, field string) (row, at int) {
	key, at := field, -1
	if name, ok := strings.CutPrefix(field, "fields."); ok {
		key = "field." + name
	}
	for _, c := range r.bound[rec.layout].bound {
		if c.key == key || strings.HasPrefix(c.key, key+".") {
			at = c.at
			break
		}
	}
	for _, n := range rec.Rows {
		if at >= 0 && !r.rows[n].cell(at).empty() {
			return n, at
		}
	}
	return rec.Rows[0], at
}

// filled returns the first of some columns that is filled in a row, with a part of
// a text if that is given, and -1 if none is.
func (b *binding) filled(row *Row, keys []string, text string) int {
	for _, key := range keys {
		at, ok := b.at[key]
		if ok && !row.cell(at).empty() && (text == "" || strings.Contains(text, strings.TrimSpace(row.cell(at).Text))) {
			return at
		}
	}
	return -1
}

// goodsColumns are the columns that say most of which goods a row is about.
var goodsColumns = []string{"output", "unit", "code", "serial", "sscc", "first", "lot", "gtin", "unit first", "run"}

// refusedIn are the columns of which the codes of refusals speak, the likeliest
// first.
var refusedIn = map[string][]string{
	string(ledger.CodeAhead): {"at"},

	trace.RefusedNoPlace:      {"place", "field.to_place"},
	trace.RefusedNoParty:      {"party", "field.to", "field.via", "field.from", "field.party", "field.parent", "field.producer", "field.moved_to"},
	trace.RefusedNoShipment:   {"refs"},
	trace.RefusedNotRecipient: {"refs"},
	trace.RefusedNotSide:      {"refs"},
	trace.RefusedNoRecord:     {"field.target", "field.record"},
	trace.RefusedUncorrected:  {"field.target"},
	trace.RefusedCorrected:    {"field.target", "field.corrects"},
	trace.RefusedNotAuthor:    {"field.target", "field.record"},
	trace.RefusedVersion:      {"field.version"},
	trace.RefusedNoVersion:    {"field.corrects"},
	trace.RefusedNoChain:      {"field.issuing_chain"},
	trace.RefusedRunTaken:     {"field.run"},
	trace.RefusedNoProduct:    {"field.gtin"},
	trace.RefusedNoAuthority:  {"gtin", "field.gtin", "field.gtins", "code"},
	trace.RefusedUnknownRun:   {"run", "code", "serial"},
	trace.RefusedOutsideRun:   {"last", "first", "code", "serial"},
	trace.RefusedForeignSSCC:  {"unit"},
	trace.RefusedNotHolder:    goodsColumns,
	trace.RefusedSold:         goodsColumns,
	trace.RefusedVoid:         goodsColumns,
	trace.RefusedUsed:         goodsColumns,
	trace.RefusedActive:       goodsColumns,
	trace.RefusedNotOpen:      goodsColumns,
	trace.RefusedOverlap:      goodsColumns,
	trace.RefusedCycle:        goodsColumns,
	trace.RefusedOnHold:       goodsColumns,
	trace.RefusedNoHold:       goodsColumns,
	"unknown-code":            goodsColumns,
	"not-an-item":             goodsColumns,
	"check-character":         goodsColumns,
	"serial-taken":            {"field.pack"},
}

// itemForm is how [trace.Item] names a code.
var itemForm = regexp.MustCompile(`(\d{14}) run (\d+) index (\d+)`)

// subjectIn returns the first subject that has the code or unit that a text names,
// and -1 if it names none of them.
func (r *Record) subjectIn(text string) int {
	m := itemForm.FindStringSubmatch(text)
	var run, index uint64
	if m != nil {
		run, _ = strconv.ParseUint(m[2], 10, 16) // what is too large is no code of ours
		index, _ = strconv.ParseUint(m[3], 10, 32)
	}
	var has func(s *trace.DraftSubject) bool
	has = func(s *trace.DraftSubject) bool {
		switch {
		case s == nil:
			return false
		case !s.SSCC.IsZero():
			return m == nil && strings.Contains(text, s.SSCC.String())
		case s.Run != nil && s.From != nil && s.To != nil:
			return m != nil && s.GTIN.String() == m[1] && uint64(*s.Run) == run && uint64(*s.From) <= index && index <= uint64(*s.To)
		}
		return has(s.Unit) || has(s.Content) || has(s.Output) || has(s.Input)
	}
	return slices.IndexFunc(r.Draft.Subjects, func(s trace.DraftSubject) bool { return has(&s) })
}
