package scan

import "strings"

// programs are parts of the names under which programs load pages: search
// engines, link checkers and previews of chats, monitors, libraries, browsers
// without a screen. All are in lower case.
var programs = []string{
	"bot", "spider", "crawl", "slurp", "preview", "facebookexternalhit", "facebookcatalog", "whatsapp/", "skypeuri",
	"mediapartners", "feedfetcher", "google-read-aloud", "googleother", "google-inspectiontool", "bingpreview", "qq-urlmanager",
	"urlcheck", "linkcheck", "link check", "validator", "scanner", "safebrowsing", "security check", "virustotal", "barracuda", "proofpoint", "mimecast",
	"monitor", "uptime", "pingdom", "lighthouse", "pagespeed", "gtmetrix", "headless", "phantomjs", "puppeteer", "playwright", "selenium",
	"curl/", "wget/", "python", "go-http-client", "java/", "okhttp", "apache-httpclient", "node-fetch", "axios/", "libwww", "httpie", "postman", "ruby", "php/", "perl",
}

// phones are phones whose name has that of a program in it.
var phones = []string{"cubot"}

// IsProgram reports whether a User-Agent is that of a program and not of a
// browser that somebody looks at. None is a program's: every browser sends one.
func IsProgram(agent string) bool {
	agent = strings.ToLower(agent)
	for _, name := range phones {
		agent = strings.ReplaceAll(agent, name, "")
	}
	for _, part := range programs {
		if strings.Contains(agent, part) {
			return true
		}
	}
	return strings.TrimSpace(agent) == ""
}
