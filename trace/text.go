package trace

import "suyuan/ledger"

// A KindText says in both languages what the table's part about a kind says in
// one, and what follows from such a record.
type KindText struct {
	Doc  Names // what it says happened
	Who  Names // who may sign it
	Rule Names // what the author's door refuses, and what the fold makes of it
}

// Text returns the texts of a kind.
func (s *KindSpec) Text() KindText {
	t := kindTexts[s.Kind]
	t.Doc.En, t.Who.En = s.Doc, s.Who
	return t
}

// Phrases that several kinds share.
const (
	byAuthority = "章程授予该商品条码的公司"
	byHolder    = "持有商品的一方"
)

var kindTexts = map[ledger.Kind]KindText{
	ledger.KindErase: {
		Names{Zh: "自己某条记录的若干字段或附件，各节点从此删除其内容"}, Names{Zh: "被擦除记录的作者"},
		Names{"只能擦除本链记录中流转判断不读取的字段和附件；记录本身和摘要保留，签名与证明不变。",
			"Only fields and files of own records that the trail does not depend on can be erased. The record and the digests stay, and with them all signatures and proofs."}},
	ledger.KindProduct: {
		Names{Zh: "一种商品，或其新版本"}, Names{Zh: byAuthority},
		Names{"版本号不得重复；指定发码的链必须属于本公司。商品适用生产日所在的版本。",
			"A version number is used once, and the issuing chain is one of the member's own. An item has the version of its day of production."}},
	ledger.KindPlace: {
		Names{Zh: "存放商品的地点"}, Names{Zh: "所属公司"},
		Names{"同一编号以最新的记录为准。公众只看到地区，成员看到名称。",
			"Of several records of one id the newest counts. The public sees the region, members the name."}},
	ledger.KindParty: {
		Names{Zh: "由公司代为登记的单位：经销商、门店、承运商等"}, Names{Zh: "代为登记的公司"},
		Names{"同一编号以最新的记录为准。没有公开名称的，公众只看到代为登记的公司。",
			"Of several records of one slug the newest counts. Without a public name the public sees its host instead."}},
	ledger.KindAppoint: {
		Names{Zh: "授权某单位代品牌方登记，或经销其商品"}, Names{Zh: byAuthority},
		Names{"在期限内，被授权单位登记的所列事项等同品牌方登记。级别、上级与区域只供相关方查看，区域外销售提示给品牌方、销售方和审计方。",
			"Between its days, what it lets the party sign counts as the brand's. Levels, parents and territories are for the parties; a sale outside its seller's territory is told to the brand, the seller and the auditors."}},
	ledger.KindRun: {
		Names{Zh: "为一种商品签发的一批码"}, Names{Zh: "商品档案指定的发码链"},
		Names{"批次号不得重复，码数不超过上限。码在本记录存妥后才能导出。",
			"A run's number is used once and its codes are bounded. Codes may be exported only once this record is stored."}},
	ledger.KindActivate: {
		Names{Zh: "码贴上商品并启用"}, Names{Zh: byAuthority + "，或获授权者"},
		Names{"一个码只启用一次，以第一次为准。一段码中已作废的跳过。",
			"A code is activated once; the first counts. A range passes over codes that are void."}},
	ledger.KindVoid: {
		Names{Zh: "不得再使用的码"}, Names{Zh: byAuthority + "、获授权者，或" + byHolder},
		Names{"此后再登记该码的流转属严重问题。单独点名的商品同时离开所在的箱。",
			"Whatever is recorded of the code afterwards is a critical finding. Named by itself, an item leaves its unit."}},
	ledger.KindPack: {
		Names{Zh: "装入箱或托盘"}, Names{Zh: byHolder},
		Names{"从原来的箱中移出；箱不能装入自己。按规律装箱时跳过已作废的码。",
			"Takes the contents out of the unit before; no unit holds itself. A pattern passes over void codes."}},
	ledger.KindUnpack: {
		Names{Zh: "从箱或托盘中取出；只写箱则取出全部"}, Names{Zh: byHolder},
		Names{"箱在别处时拒绝登记。", "Refused where the author's own records say that the unit is elsewhere."}},
	ledger.KindTransform: {
		Names{Zh: "用若干商品制成其他商品，原商品随之终结"}, Names{Zh: "持有原料、并拥有成品条码或获授权者"},
		Names{"原码此后不应再出现在商品上，成品无需另行启用。原料被召回的，成品同样提示。",
			"The inputs' codes should not be on goods any more, and the outputs need no activation. A recall of an input reaches the outputs."}},
	ledger.KindShip: {
		Names{Zh: "发给某方的商品"}, Names{Zh: byHolder},
		Names{"收货之前仍由发货方持有。单独点名的商品或箱离开所在的箱。",
			"The sender holds the goods until the receipt. What is named by itself leaves its unit."}},
	ledger.KindReceive: {
		Names{Zh: "收到的商品"}, Names{Zh: "收货方"},
		Names{"按点名的商品与发货对应，可以只收一部分；点名的商品离开未点名的箱或托盘。数量差异只供相关方查看。",
			"Matches shipments by what it names, and may be partial: what it names leaves units that it does not name. Differences in quantity are for the parties."}},
	ledger.KindCancel: {
		Names{Zh: "没有成行的发货"}, Names{Zh: "所引用发货的任一方"},
		Names{"必须引用该发货；商品回到发货前的状态。", "Names the shipment in refs; the goods are as they were before it."}},
	ledger.KindSell: {
		Names{Zh: "离开可追溯链条的商品"}, Names{Zh: byHolder},
		Names{"此后链条内无人持有，从不登记买方。再次售出属严重问题；暂停流通的商品不得售出。",
			"Nobody in the network holds the goods then, and the buyer is never recorded. A second sale is critical; goods on hold are not sold."}},
	ledger.KindReturn: {
		Names{Zh: "售出后退回的商品"}, Names{Zh: "从消费者处收回的一方"},
		Names{"收回方成为持有方；处置为销毁的，码即作废。",
			"Whoever takes the goods back holds them; destroyed, their codes are void."}},
	ledger.KindInspect: {
		Names{Zh: "一次检验及其结果"}, Names{Zh: byHolder + "、" + byAuthority + "、获授权者或审计方"},
		Names{"不合格的结果公开提示。", "A failed inspection is a public warning."}},
	ledger.KindHold: {
		Names{Zh: "暂停流通和使用"}, Names{Zh: byHolder + "、" + byAuthority + "，或获授权者"},
		Names{"解除之前公开提示；存证之前即计入结论。", "A public warning until it is released; it counts in the answer before it is final."}},
	ledger.KindRelease: {
		Names{Zh: "解除暂停"}, Names{Zh: "提出暂停的一方，或" + byAuthority},
		Names{"各方只能解除自己的暂停，品牌方可以解除全部。", "Everybody ends his own holds, the brand all."}},
	ledger.KindRecall: {
		Names{Zh: "召回商品，包括已售出的"}, Names{Zh: byAuthority},
		Names{"无论商品在哪里，结论都是召回中；存证之前即计入结论。按批号、启用时间和生产线缩小范围，以更正结束。",
			"Makes the verdict wherever the item is, also before it is final. Lots, times and lines of activation narrow it; correcting it ends it."}},
	ledger.KindWithdraw: {
		Names{Zh: "撤出市场；消费者无需处理"}, Names{Zh: byAuthority},
		Names{"公开提示。范围与结束方式同召回。", "A public warning. Narrowed and ended as a recall."}},
	ledger.KindCorrect: {
		Names{Zh: "收回自己的一条记录，涉及的商品与原记录相同"}, Names{Zh: "原记录的作者"},
		Names{"原记录不再计入，可以指定同类记录代替；两条都保留可见。发码、地点、单位和更正本身不能更正。",
			"The record counts for nothing, and another of its kind may stand in its place; both stay in the trail. Runs, places, parties and corrections are not corrected."}},
	ledger.KindClaim: {
		Names{Zh: "商品涂层下的暗码被使用"}, Names{Zh: "发码链"},
		Names{"第一次使用有效，此后再用会提示。", "The first use counts; later ones are findings."}},
	ledger.KindLink: {
		Names{Zh: "关于商品的网页"}, Names{Zh: byAuthority},
		Names{"扫码时按类型和语言提供，更正后不再提供。", "Offered by type and language when a code is scanned, until it is corrected."}},
}
