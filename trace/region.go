package trace

import "strings"

// RegionName returns what people call a region: province and city in China, as
// far as the code says them, elsewhere the country; either may be a bare code.
// Codes are those of GB/T 2260 and ISO 3166-2:CN.
func RegionName(country, region string) Names {
	iso, isISO := strings.CutPrefix(region, "CN-")
	for i := range provinces {
		p := &provinces[i]
		if isISO && p.iso == iso || len(region) == 6 && p.code == region[:2] {
			return inProvince(Names{Zh: p.zh, En: p.en}, region)
		}
	}
	for i := range countries {
		if countries[i].code == country {
			return Names{Zh: countries[i].zh, En: countries[i].en}
		}
	}
	return Names{Zh: country, En: country}
}

// inProvince adds the city, where the code has one.
func inProvince(province Names, region string) Names {
	if len(region) != 6 {
		return province
	}
	city, ok := cities[region[:4]]
	if !ok {
		return province
	}
	return Names{Zh: province.Zh + city.Zh, En: city.En + ", " + province.En}
}

// RegionOf returns the code of a place that somebody names in either language, as
// [RegionName] and common files of cities do: a city or province of China by
// GB/T 2260, or the code of another country. It is "" where no more is known than
// that it is in China, or nothing.
func RegionOf(country string, name Names) string {
	if country != "CN" {
		for i := range provinces {
			if provinces[i].iso == country { // Hong Kong, Macao and Taiwan have codes of either sort
				return provinces[i].code + "0000"
			}
		}
		return country
	}
	if code, ok := regionCodes[name.Zh]; ok {
		return code
	}
	if code, ok := regionCodes[name.En]; ok {
		return code
	}
	for i := range provinces { // a city that we do not know: its province will do
		if p := &provinces[i]; strings.HasPrefix(name.Zh, p.zh) || strings.HasSuffix(name.En, ", "+p.en) {
			return p.code + "0000"
		}
	}
	return ""
}

// regionCodes has the codes of provinces and cities by their names in both
// languages. It is never changed.
var regionCodes = func() map[string]string {
	codes := make(map[string]string)
	for i := range provinces {
		p := &provinces[i]
		codes[p.zh], codes[p.en] = p.code+"0000", p.code+"0000"
	}
	for code := range cities {
		n := RegionName("CN", code+"00")
		codes[n.Zh], codes[n.En] = code+"00", code+"00"
	}
	return codes
}()

var provinces = [...]struct{ code, iso, zh, en string }{
	{"11", "BJ", "北京", "Beijing"}, {"12", "TJ", "天津", "Tianjin"}, {"13", "HE", "河北", "Hebei"},
	{"14", "SX", "山西", "Shanxi"}, {"15", "NM", "内蒙古", "Inner Mongolia"}, {"21", "LN", "辽宁", "Liaoning"},
	{"22", "JL", "吉林", "Jilin"}, {"23", "HL", "黑龙江", "Heilongjiang"}, {"31", "SH", "上海", "Shanghai"},
	{"32", "JS", "江苏", "Jiangsu"}, {"33", "ZJ", "浙江", "Zhejiang"}, {"34", "AH", "安徽", "Anhui"},
	{"35", "FJ", "福建", "Fujian"}, {"36", "JX", "江西", "Jiangxi"}, {"37", "SD", "山东", "Shandong"},
	{"41", "HA", "河南", "Henan"}, {"42", "HB", "湖北", "Hubei"}, {"43", "HN", "湖南", "Hunan"},
	{"44", "GD", "广东", "Guangdong"}, {"45", "GX", "广西", "Guangxi"}, {"46", "HI", "海南", "Hainan"},
	{"50", "CQ", "重庆", "Chongqing"}, {"51", "SC", "四川", "Sichuan"}, {"52", "GZ", "贵州", "Guizhou"},
	{"53", "YN", "云南", "Yunnan"}, {"54", "XZ", "西藏", "Tibet"}, {"61", "SN", "陕西", "Shaanxi"},
	{"62", "GS", "甘肃", "Gansu"}, {"63", "QH", "青海", "Qinghai"}, {"64", "NX", "宁夏", "Ningxia"},
	{"65", "XJ", "新疆", "Xinjiang"}, {"71", "TW", "台湾", "Taiwan"}, {"81", "HK", "香港", "Hong Kong"},
	{"82", "MO", "澳门", "Macao"},
}

// countries are those from which and to which goods of our networks often go;
// others are shown by their code.
var countries = [...]struct{ code, zh, en string }{
	{"AE", "阿联酋", "United Arab Emirates"}, {"AR", "阿根廷", "Argentina"}, {"AU", "澳大利亚", "Australia"},
	{"BR", "巴西", "Brazil"}, {"CA", "加拿大", "Canada"}, {"CH", "瑞士", "Switzerland"}, {"CL", "智利", "Chile"},
	{"CN", "中国", "China"}, {"DE", "德国", "Germany"}, {"DK", "丹麦", "Denmark"}, {"ES", "西班牙", "Spain"},
	{"FR", "法国", "France"}, {"GB", "英国", "United Kingdom"}, {"HK", "中国香港", "Hong Kong, China"},
	{"ID", "印度尼西亚", "Indonesia"}, {"IE", "爱尔兰", "Ireland"}, {"IN", "印度", "India"}, {"IT", "意大利", "Italy"},
	{"JP", "日本", "Japan"}, {"KH", "柬埔寨", "Cambodia"}, {"KR", "韩国", "South Korea"}, {"KZ", "哈萨克斯坦", "Kazakhstan"},
	{"MO", "中国澳门", "Macao, China"}, {"MX", "墨西哥", "Mexico"}, {"MY", "马来西亚", "Malaysia"},
	{"NL", "荷兰", "Netherlands"}, {"NZ", "新西兰", "New Zealand"}, {"PE", "秘鲁", "Peru"}, {"PH", "菲律宾", "Philippines"},
	{"PL", "波兰", "Poland"}, {"RU", "俄罗斯", "Russia"}, {"SG", "新加坡", "Singapore"}, {"TH", "泰国", "Thailand"},
	{"TR", "土耳其", "Türkiye"}, {"TW", "中国台湾", "Taiwan, China"}, {"UA", "乌克兰", "Ukraine"},
	{"US", "美国", "United States"}, {"VN", "越南", "Viet Nam"}, {"ZA", "南非", "South Africa"},
}
