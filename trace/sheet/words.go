package sheet

// kindWords are the Chinese names of the kinds, by name: names of sheets and
// values of the column kind.
var kindWords = map[string]string{
	"product": "产品", "place": "地点", "party": "往来单位", "appoint": "授权",
	"run": "发码", "activate": "激活", "void": "作废", "pack": "装箱",
	"unpack": "拆箱", "transform": "加工", "ship": "发货", "receive": "收货",
	"cancel": "取消发货", "sell": "销售", "return": "退货", "inspect": "检验",
	"hold": "冻结", "release": "解冻", "recall": "召回", "withdraw": "下架",
	"correct": "更正", "erase": "擦除", "claim": "验真", "link": "链接",
}

// fieldWords are the Chinese names of fields, by field or, where a kind calls
// it otherwise, by "kind.field". The first is the header, the others are
// understood too.
var fieldWords = map[string][]string{
	"gtin":            {"商品条码", "GTIN编码", "条码"},
	"version":         {"版本", "版本号"},
	"applies_from":    {"适用起始日期", "生效日期"},
	"corrects":        {"更正版本"},
	"producer":        {"生产商", "生产企业"},
	"issuing_chain":   {"发码链号", "发码链"},
	"names":           {"产品名称", "品名"},
	"origin":          {"产地"},
	"net_content":     {"净含量", "规格"},
	"shelf_life_days": {"保质期天数", "保质期（天）", "保质期"},
	"licences":        {"许可证及标准号", "生产许可证", "执行标准"},
	"picture":         {"图片摘要"},
	"scan_threshold":  {"扫码阈值"},
	"reward_trigger":  {"返利触发事件"},
	"sku":             {"企业货号", "货号"},
	"product.contact": {"客服联系方式", "联系方式"},

	"id":      {"地点编号", "编号"},
	"country": {"国家", "国家代码"},
	"region":  {"地区", "行政区划代码", "行政区划"},
	"name":    {"名称"},
	"gln":     {"GLN位置码", "位置码"},
	"address": {"地址"},

	"place.kind":  {"地点类型"},
	"party.kind":  {"单位类型"},
	"slug":        {"单位编号", "编号"},
	"public_name": {"公开名称"},
	"company_id":  {"统一社会信用代码", "注册号"},
	"contact":     {"联系人", "联系方式"},
	"moved_to":    {"迁至"},

	"run":       {"发码批次"},
	"pack":      {"码包摘要"},
	"root":      {"默克尔根"},
	"guessable": {"可猜测"},
	"count":     {"数量"},
	"printer":   {"印刷厂"},
	"source":    {"来源"},
	"foreign":   {"外部码"},
	"second":    {"带暗码"},

	"lot":         {"批号", "生产批号"},
	"produced":    {"生产日期"},
	"expires":     {"有效期至", "到期日", "失效日期"},
	"line":        {"生产线", "产线"},
	"co_approval": {"会签人"},

	"reason": {"原因", "理由"},
	"note":   {"说明", "备注"},
	"notes":  {"备注"},
	"text":   {"说明文字"},

	"purpose":        {"用途", "发货类型"},
	"to":             {"收货方", "收货单位"},
	"via":            {"承运或中转方", "中转方"},
	"to_place":       {"收货地点", "目的地"},
	"lines":          {"明细"},
	"delivery_notes": {"送货单号", "交货单号"},
	"carrier":        {"承运商", "物流公司"},
	"waybill":        {"运单号", "快递单号"},
	"from":           {"发货方", "发货单位"},

	"channel": {"销售渠道", "渠道"},
	"order":   {"订单号"},
	"price":   {"成交价", "价格"},

	"type":         {"类别"},
	"inspect.type": {"检验类型"}, "transform.type": {"加工类型"}, "link.type": {"链接类型"},
	"standard":    {"标准", "检验标准"},
	"result":      {"结果", "检验结果"},
	"issuer":      {"出具机构", "检验机构"},
	"valid_until": {"有效截止日期"},
	"document":    {"报告摘要", "检验报告"},

	"party": {"单位"}, "appoint.party": {"被授权方"}, "appoint.from": {"起始日期"}, "appoint.to": {"截止日期"},
	"place":       {"所在地点"},
	"kinds":       {"授权类型"},
	"since":       {"起始日期"},
	"until":       {"截止日期"},
	"level":       {"经销级别"},
	"parent":      {"上级单位"},
	"territory":   {"销售区域"},
	"inputs":      {"投入"},
	"outputs":     {"产出"},
	"condition":   {"货品状况"},
	"disposition": {"处置方式"},
	"class":       {"级别", "召回级别"},
	"scope":       {"范围"},
	"advice":      {"处理建议"},
	"filter":      {"筛选条件"},
	"record":      {"记录编号"}, "digests": {"披露摘要"}, "ground": {"擦除依据"}, "fields": {"擦除字段"}, "files": {"擦除文件"}, "title": {"标题"},
	"quantity": {"数量"},
	"lots":     {"涉及批号"}, "activated_from": {"激活起始时间"}, "activated_to": {"激活截止时间"},
	"gtins":       {"适用商品条码"},
	"target":      {"目标记录"},
	"replacement": {"替代记录"},
	"opening":     {"验真凭据"},
	"claimant":    {"验真人标记"},
	"token":       {"请求标记"},
	"link_type":   {"链接类型"},
	"href":        {"链接地址", "网址"},
	"language":    {"语言"},
	"media_type":  {"媒体类型"},
}

// fieldSynonyms are further English names of fields.
var fieldSynonyms = map[string][]string{
	"names": {"product name"}, "net_content": {"size"}, "shelf_life_days": {"shelf life"}, "licences": {"licenses"},
	"lot": {"batch"}, "produced": {"production date", "made"}, "expires": {"expiry", "expiry date", "best before"},
	"to": {"recipient", "ship to", "customer"}, "from": {"sender", "ship from", "supplier"}, "to_place": {"destination"},
	"waybill": {"tracking number"}, "delivery_notes": {"delivery note"}, "order": {"order number"}, "sku": {"item number"},
	"notes": {"remarks"}, "note": {"remark"},
}

// partWords are the Chinese names of the parts of a field with several columns.
var partWords = map[string][]string{
	"zh": {"（中文）"}, "en": {"（英文）"},
	"gtin": {"条码"}, "count": {"数量"}, "expected": {"应收数量"}, "counted": {"实收数量"}, "damaged": {"破损数量"},
	"value": {"数值"}, "unit": {"计量单位"},
}

// choiceWords are the Chinese names of values of fields with choices.
var choiceWords = map[string]string{
	"factory": "工厂", "warehouse": "仓库", "store": "门店", "port": "港口", "laboratory": "实验室", "office": "办公室", "other": "其他",
	"dealer": "经销商", "carrier": "承运商", "logistics": "物流商",
	"sale": "销售", "transfer": "调拨", "return": "退货", "consignment": "寄售", "cross-dock": "越库", "sample": "样品",
	"pass": "合格", "fail": "不合格", "conditional": "有条件合格",
	"class-1": "一级", "class-2": "二级", "class-3": "三级",
	"restock": "重新入库", "repair": "维修", "quarantine": "隔离", "send-back": "退回", "destroy": "销毁",
	"kit": "组套", "relabel": "换标", "repackage": "改包装",
}

// A tokenWord names a usual value of a field whose values are open. The first word
// stands in templates.
type tokenWord struct {
	token string
	words []string
}

// tokenWords are the Chinese names of usual values of fields whose values are open,
// by field: companies may use others, which are codes.
var tokenWords = map[string][]tokenWord{
	"reason": {
		{"misprint", []string{"印错"}}, {"damaged", []string{"损坏", "破损"}}, {"lost", []string{"遗失", "丢失"}}, {"destroyed", []string{"已销毁", "销毁"}},
		{"quality", []string{"质量核查", "质量问题", "质量"}}, {"damage", []string{"有损坏", "有破损"}}, {"dispute", []string{"有争议", "争议"}},
		{"cleared", []string{"核查无误", "已查清", "已排除"}}, {"wrong-address", []string{"地址有误", "地址错误"}}, {"wrong-lot", []string{"批号有误", "批号录错", "批次错"}},
		{"wrong-party", []string{"收发方有误", "往来单位错"}}, {"wrong-code", []string{"扫错了码", "扫错码"}}, {"wrong-time", []string{"时间有误"}},
		{"wrong-quantity", []string{"数量有误"}}, {"duplicate", []string{"重复登记", "重复"}},
	},
	"channel": {
		{"store", []string{"门店", "实体店"}}, {"online", []string{"网上", "线上", "网店", "电商"}}, {"catering", []string{"餐饮"}},
		{"wholesale", []string{"批发"}}, {"retail", []string{"零售"}},
	},
	"type": {
		{"quality", []string{"质量检验", "质量"}}, {"safety", []string{"安全检验", "安全"}}, {"customs", []string{"海关检验", "通关"}},
		{"authenticity", []string{"真伪鉴定", "真伪"}}, {"release", []string{"出厂检验"}},
	},
	"condition": {
		{"unopened", []string{"未开封", "未拆封"}}, {"opened", []string{"已开封", "已拆封"}}, {"damaged", []string{"有损坏", "损坏", "破损"}},
	},
	"ground": {
		{"consent-withdrawn", []string{"撤回同意"}}, {"purpose-ended", []string{"目的已达到", "目的已实现"}}, {"court-order", []string{"法院命令"}},
	},
}

// columnWords are the names of the columns that are no fields, by key: Chinese,
// then English ones. The first of each that no field of the kind has is the
// header.
var columnWords = map[string][2][]string{
	"kind":      {{"记录类型", "类型"}, {"kind", "record kind"}},
	"group":     {{"单号", "单据号", "单据编号", "业务单号"}, {"document no", "document", "document number", "doc no", "doc"}},
	"at":        {{"时间", "发生时间", "业务时间", "日期"}, {"at", "time", "date", "event time"}},
	"zone":      {{"时区"}, {"zone", "time zone"}},
	"party":     {{"经办单位", "经办方"}, {"party", "acting party"}},
	"place":     {{"地点", "发生地点", "仓库", "经办地点"}, {"place", "event place"}},
	"refs":      {{"关联记录", "前序记录"}, {"refs", "references"}},
	"documents": {{"附件摘要", "附件"}, {"documents", "attachments"}},

	"code":       {{"追溯码", "溯源码", "二维码", "防伪码"}, {"code", "uri", "link", "item code"}},
	"serial":     {{"序列号"}, {"serial", "serial number", "item serial"}},
	"gtin":       {{"商品条码", "货品条码", "条码"}, {"gtin", "item gtin"}},
	"run":        {{"发码批次", "货品发码批次"}, {"run", "item run"}},
	"first":      {{"起始序号", "起始码序号", "货品起始序号"}, {"first", "from", "item first"}},
	"last":       {{"结束序号", "截止序号", "终止序号", "货品结束序号"}, {"last", "to", "item last"}},
	"lot":        {{"批号", "货品批号", "生产批号"}, {"lot", "item lot", "batch"}},
	"sscc":       {{"物流单元码", "SSCC码", "物流箱码"}, {"sscc", "item sscc"}},
	"output":     {{"产出货品", "产出码"}, {"output", "made", "item output"}},
	"unit":       {{"包装码", "箱码", "托盘码"}, {"unit", "case", "pallet", "container"}},
	"unit gtin":  {{"箱码条码", "包装条码"}, {"unit gtin"}},
	"unit run":   {{"箱码发码批次", "包装发码批次"}, {"unit run"}},
	"unit first": {{"箱码起始序号", "包装起始序号"}, {"unit first", "unit start"}},
	"units":      {{"箱数", "包装数"}, {"units", "unit count"}},
	"per unit":   {{"每箱数量", "每包装数量"}, {"per unit", "per"}},
	"except":     {{"例外序号", "缺码序号"}, {"except", "exceptions"}},
}

// columnDocs say what the columns that are no fields mean.
var columnDocs = map[string]map[Lang]string{
	"group":      {Zh: "单号相同的各行合成一条记录；不填则每行一条", En: "rows with the same number make one record; without it each row is one"},
	"at":         {Zh: "业务发生的时间；不填为导入时间", En: "when it happened; if empty, the time of the import"},
	"zone":       {Zh: "时间所用的时区，如 +08:00", En: "the zone of the time, such as +08:00"},
	"party":      {Zh: "代为办理的下属单位编号", En: "slug of the hosted party that acts"},
	"place":      {Zh: "本单位的地点编号", En: "id of the member's place"},
	"code":       {Zh: "追溯码的链接、要素串、SSCC 或 条码/批次/起-止", En: "a code's link, element string, SSCC or GTIN/RUN/FROM-TO"},
	"serial":     {Zh: "与商品条码一起确定一个码", En: "one code, with the GTIN beside it"},
	"gtin":       {Zh: "货品的 GTIN", En: "GTIN of the goods"},
	"run":        {Zh: "序号段所在的发码批次", En: "the run that first and last count in"},
	"first":      {Zh: "序号段的第一个序号", En: "index of the first code of the range"},
	"last":       {Zh: "序号段的最后一个序号；不填则只有一个", En: "index of the last code; if empty, only the first"},
	"lot":        {Zh: "与商品条码一起确定一批货", En: "a lot, with the GTIN beside it"},
	"sscc":       {Zh: "18 位物流单元码", En: "a logistic unit by its 18 digits"},
	"output":     {Zh: "做成的货品：链接、SSCC 或 条码/批次/起-止，同行填写所用的货品", En: "what was made, by link, SSCC or GTIN/RUN/FROM-TO; what it was made of stands in the same row"},
	"unit":       {Zh: "箱或托盘：SSCC 或箱码，同行填写其中的货品", En: "the case or pallet, by SSCC or code; what is in it stands in the same row"},
	"unit gtin":  {Zh: "按规律装箱时箱码的 GTIN", En: "of a pattern: GTIN of the case codes"},
	"unit run":   {Zh: "箱码的发码批次", En: "of a pattern: run of the case codes"},
	"unit first": {Zh: "第一个箱码的序号", En: "of a pattern: index of the first case code"},
	"units":      {Zh: "箱数", En: "of a pattern: how many cases"},
	"per unit":   {Zh: "每箱的件数", En: "of a pattern: how many codes in each case"},
	"except":     {Zh: "不在箱内的序号，如 13-14; 20", En: "of a pattern: codes that are not there, such as 13-14; 20"},
}

// yesWords and noWords are what people write into a column of yes or no.
var (
	yesWords = []string{"是", "true", "yes", "y", "1", "√", "有", "真"}
	noWords  = []string{"否", "false", "no", "n", "0", "×", "x", "无", "假"}
)
