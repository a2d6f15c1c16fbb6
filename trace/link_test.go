package trace

import "testing"

// What a resolver sends people to is refused where it is written.
func TestHostileLinksAreRefused(t *testing.T) {
	for href, ok := range map[string]bool{
		"https://lanzhi.example/toner":             true,
		"https://www.lanzhi.example:8443/a?b=c#d":  true,
		"https://xn--fiqs8s.example/%E6%B0%B4":     true,
		"HTTPS://LANZHI.EXAMPLE/":                  true,
		"http://lanzhi.example/":                   false, // anybody on the way could change it
		"javascript:alert(1)":                      false,
		"data:text/html,x":                         false,
		"//lanzhi.example/":                        false,
		"/01/06901234000016":                       false,
		"https:lanzhi.example":                     false,
		"https:///lanzhi.example":                  false,
		`https:\\lanzhi.example`:                   false,
		"https://lanzhi.example@evil.example/":     false,
		"https://user:pw@lanzhi.example/":          false,
		"https://lаnzhi.example/":                  false, // a Cyrillic letter
		"https://lanzhi.example/\u202egpj.exe":     false,
		"https://127.0.0.1/":                       false,
		"https://[::1]/":                           false,
		"https://2130706433/":                      false,
		"https://localhost/":                       false,
		"https://lanzhi.example/ onclick=x":        false,
		`https://lanzhi.example/"><script>`:        false,
		"https://lanzhi.example/\nSet-Cookie: a=b": false,
		"https://-lanzhi.example/":                 false,
		"https://lanzhi..example/":                 false,
		"":                                         false,
	} {
		if err := checkURL(href); (err == nil) != ok {
			t.Errorf("%q: %v, want it taken: %v", href, err, ok)
		}
	}
	for kind, ok := range map[string]bool{
		"gs1:pip": true, "gs1:recallStatus": true,
		"gs1:defaultLink": false, "gs1:defaultLinkMulti": false, "gs1:linkset": false, "gs1:all": false,
		"pip": false, "https://ref.gs1.org/voc/pip": false, "gs1:": false, "gs1:pip\r\nX: y": false,
	} {
		if err := checkLinkType(kind); (err == nil) != ok {
			t.Errorf("type %q: %v, want it taken: %v", kind, err, ok)
		}
	}
}
