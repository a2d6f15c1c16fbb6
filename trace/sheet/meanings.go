package sheet

import "suyuan/trace"

// meaning says what a field of a kind means. The English sentences are those of
// the table of kinds.
func meaning(kind string, f *trace.Field, lang Lang) string {
	if lang != Zh {
		return f.Doc
	}
	if text, ok := fieldMeanings[kind+"."+f.Name]; ok {
		return text
	}
	return fieldMeanings[f.Name]
}

// fieldMeanings says in Chinese what fields mean, by field or, where a kind means
// something else by it, by "kind.field".
var fieldMeanings = map[string]string{
	"refs":      "本记录承接的先前记录的叶哈希",
	"documents": "供成员查阅的文件的 SHA-256",

	"gtin":            "产品的 GTIN",
	"version":         "从 1 起连续编号",
	"applies_from":    "从这一天起生产的商品适用本版本",
	"corrects":        "本版本所更正的旧版本；不填表示接续上一版本",
	"producer":        "实际生产企业，若不是登记方",
	"issuing_chain":   "签发各批码的链的编号",
	"names":           "产品名称",
	"origin":          "产地",
	"net_content":     "例如 750 mL",
	"shelf_life_days": "从生产到过期的天数",
	"licences":        "生产许可证号和执行标准号",
	"picture":         "图片的 SHA-256",
	"scan_threshold":  "一个码被扫多少次后，开始核查它的扫码情况",
	"reward_trigger":  "使用暗码的人在哪个事件之后可得奖励",
	"sku":             "登记方自己的货号",
	"product.contact": "消费者咨询该产品的方式，例如电话",

	"id":         "地点在本成员内的编号",
	"place.kind": "是哪一类地点",
	"country":    "所在国家或地区",
	"region":     "省、市或区县",
	"name":       "成员之间使用的名称",
	"gln":        "全球位置码（GLN）",
	"address":    "通信地址",

	"slug":        "往来单位在其托管成员内的编号",
	"party.kind":  "是哪一类单位",
	"public_name": "任何人可见的名称；不填时公众看到的是托管成员",
	"company_id":  "登记注册号",
	"contact":     "联系谁",
	"moved_to":    "改由别的成员托管后成为的单位",

	"appoint.party": "被授权的一方；若是成员，包括其全部单位",
	"gtins":         "涉及哪些产品",
	"kinds":         "可以登记哪些记录",
	"appoint.from":  "第一天",
	"appoint.to":    "最后一天",
	"level":         "经销级别，1 为直接向品牌进货",
	"parent":        "上级经销商",
	"territory":     "可以在哪里销售",

	"run":       "同一 GTIN 下的发码批次号",
	"pack":      "码包的 SHA-256",
	"root":      "码包的默克尔根",
	"guessable": "知道一些序列号的人能猜出其他的",
	"count":     "共多少个码",
	"printer":   "由谁印刷",
	"source":    "外部序列号清单的来源",
	"foreign":   "序列号来自外部清单",
	"second":    "每件商品在涂层下另有暗码",

	"lot":         "批次",
	"produced":    "生产日期",
	"expires":     "最后可用日期",
	"line":        "生产线",
	"co_approval": "第二位操作员的签名",
	"quantity":    "没有序列号的批次：数量和单位",

	"void.reason": "例如印错、损坏、遗失、销毁",
	"note":        "发生了什么",

	"transform.type":     "做了什么",
	"transform.lot":      "产出的批次",
	"transform.produced": "产出的生产日期",
	"transform.expires":  "产出的最后可用日期",
	"transform.quantity": "用掉的、没有序列号的批次：数量和单位",

	"purpose":        "为什么发货",
	"to":             "收货方",
	"via":            "承运或转运方",
	"to_place":       "送到哪里",
	"ship.lines":     "送货单上的数目",
	"delivery_notes": "送货单号",
	"carrier":        "承运人，若不是往来单位",
	"waybill":        "运单号",

	"from":          "发货方，若没有其发货记录",
	"receive.lines": "应收多少、实收多少",
	"notes":         "备注",

	"cancel.reason": "为什么取消",

	"channel":     "例如门店、网店、餐饮",
	"sell.region": "在哪里售出",
	"order":       "销售方的订单号",
	"price":       "成交价格",

	"condition":     "例如未拆封、已拆封、损坏",
	"disposition":   "如何处理；选销毁时码即作废",
	"return.reason": "为什么退货",

	"inspect.type": "例如质量、安全、通关、真伪",
	"standard":     "所依据的标准",
	"result":       "结论",
	"issuer":       "报告由谁出具",
	"valid_until":  "有效期的最后一天",
	"document":     "报告的 SHA-256",

	"hold.reason":    "例如质量、损坏、争议、已查清",
	"release.reason": "例如质量、损坏、争议、已查清",
	"text":           "发生了什么",

	"class":          "严重程度，一级最重",
	"scope":          "涉及范围，用文字说明",
	"reason":         "为什么",
	"advice":         "应当怎么做",
	"recall.contact": "向谁咨询",

	"withdraw.contact": "向谁咨询",
	"lots":             "筛选：这些批次的商品",
	"activated_from":   "筛选：在此时或之后激活的商品",
	"activated_to":     "筛选：在此时或之前激活的商品",
	"recall.line":      "筛选：这条生产线的商品",
	"withdraw.line":    "筛选：这条生产线的商品",

	"target":         "被更正的记录的编号，更正后不再算数",
	"replacement":    "取代它的记录的编号",
	"correct.reason": "例如批次错、往来单位错、重复",

	"digests":    "要擦除的披露的摘要，升序",
	"ground":     "例如撤回同意、目的已达到、法院命令",
	"record":     "含有这些内容的本链记录的编号",
	"fields":     "要擦除的字段名",
	"files":      "要擦除的、该记录所附文件的 SHA-256，升序",
	"erase.note": "登记方自己留存的说明",
	"opening":    "暗码；不得让他人知道，知道的人可以再次使用",
	"claimant":   "登记方自己对使用者的标记",
	"token":      "调用方令牌的摘要，用来区分重复询问和第二次使用",
	"link.type":  "页面的类别，用 GS1 的词表",
	"href":       "页面地址",
	"language":   "页面语言",
	"media_type": "页面的媒体类型",
	"title":      "页面的名称",
}
