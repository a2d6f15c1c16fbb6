package web

import "strings"

// provinces names the first-level divisions of China by the first two digits of
// their GB/T 2260 codes and by the second part of their ISO 3166-2:CN codes.
var provinces = map[string]Text{
	"11": {"北京", "Beijing"}, "12": {"天津", "Tianjin"}, "13": {"河北", "Hebei"},
	"14": {"山西", "Shanxi"}, "15": {"内蒙古", "Inner Mongolia"}, "21": {"辽宁", "Liaoning"},
	"22": {"吉林", "Jilin"}, "23": {"黑龙江", "Heilongjiang"}, "31": {"上海", "Shanghai"},
	"32": {"江苏", "Jiangsu"}, "33": {"浙江", "Zhejiang"}, "34": {"安徽", "Anhui"},
	"35": {"福建", "Fujian"}, "36": {"江西", "Jiangxi"}, "37": {"山东", "Shandong"},
	"41": {"河南", "Henan"}, "42": {"湖北", "Hubei"}, "43": {"湖南", "Hunan"},
	"44": {"广东", "Guangdong"}, "45": {"广西", "Guangxi"}, "46": {"海南", "Hainan"},
	"50": {"重庆", "Chongqing"}, "51": {"四川", "Sichuan"}, "52": {"贵州", "Guizhou"},
	"53": {"云南", "Yunnan"}, "54": {"西藏", "Tibet"}, "61": {"陕西", "Shaanxi"},
	"62": {"甘肃", "Gansu"}, "63": {"青海", "Qinghai"}, "64": {"宁夏", "Ningxia"},
	"65": {"新疆", "Xinjiang"}, "71": {"台湾", "Taiwan"}, "81": {"香港", "Hong Kong"},
	"82": {"澳门", "Macao"},
}

// isoProvinces maps ISO 3166-2:CN letters to GB/T 2260 digits.
var isoProvinces = map[string]string{
	"BJ": "11", "TJ": "12", "HE": "13", "SX": "14", "NM": "15", "LN": "21", "JL": "22", "HL": "23",
	"SH": "31", "JS": "32", "ZJ": "33", "AH": "34", "FJ": "35", "JX": "36", "SD": "37", "HA": "41",
	"HB": "42", "HN": "43", "GD": "44", "GX": "45", "HI": "46", "CQ": "50", "SC": "51", "GZ": "52",
	"YN": "53", "XZ": "54", "SN": "61", "GS": "62", "QH": "63", "NX": "64", "XJ": "65", "TW": "71",
	"HK": "81", "MO": "82",
}

// regionName returns the name of the province that a region code lies in, or
// the code itself if it is none of China's.
func regionName(l Lang, code string) string {
	key := strings.TrimPrefix(code, "CN-")
	if digits, ok := isoProvinces[key]; ok {
		key = digits
	}
	if len(key) > 2 {
		key = key[:2]
	}
	if name, ok := provinces[key]; ok && (len(code) == 6 || len(code) == 2 || strings.HasPrefix(code, "CN-")) {
		return name.In(l)
	}
	return code
}
