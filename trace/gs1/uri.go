package gs1

import "strings"

// checkURI bounds a URI and refuses characters that no URI has (RFC 3986,
// section 2). Whoever typed or decoded them must escape them first.
func checkURI(uri string) error {
	if len(uri) > MaxURIBytes {
		return refuse(URILength, "a link of %d bytes is longer than the %d we read", len(uri), MaxURIBytes)
	}
	for i := range len(uri) {
		if c := uri[i]; !unreserved(c) && strings.IndexByte(":/?#[]@!$&'()*+,;=%", c) < 0 {
			return refuse(URICharacter, "the byte %q at position %d may not be in a URI unless it is escaped", c, i+1)
		}
	}
	return nil
}

// cutOrigin splits a URI after its host and port.
func cutOrigin(uri string) (origin, rest string, err error) {
	scheme, tail, _ := strings.Cut(uri, "://")
	if !strings.EqualFold(scheme, "https") && !strings.EqualFold(scheme, "http") {
		return "", "", refuse(NotDigitalLink, "a Digital Link begins with https:// or http://, but %s does not", quote(uri))
	}
	end := strings.IndexAny(tail, "/?#")
	if end < 0 {
		end = len(tail)
	}
	if !isAuthority(tail[:end]) {
		return "", "", refuse(NotDigitalLink, "%s is not a host name with an optional port", quote(tail[:end]))
	}
	n := len(uri) - len(tail) + end
	return uri[:n], uri[n:], nil
}

// isAuthority accepts a host and an optional port. A user name has no
// place in a Digital Link, and before a host it serves to deceive.
func isAuthority(s string) bool {
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:i], s[i+1:]
		if port == "" || len(port) > 5 || notDigit(port) >= 0 {
			return false
		}
	}
	if literal, ok := strings.CutPrefix(host, "["); ok {
		literal, ok = strings.CutSuffix(literal, "]")
		return ok && literal != "" && strings.Trim(literal, "0123456789abcdefABCDEF:.") == ""
	}
	for i := range len(host) {
		if c := host[i]; !unreserved(c) || c == '_' || c == '~' {
			return false
		}
	}
	return strings.Trim(host, ".-") != ""
}

// checkStem checks the stem for a new link and returns it without a
// slash at its end.
func checkStem(stem string) (string, error) {
	if stem == "" {
		return "", nil
	}
	if err := checkURI(stem); err != nil {
		return "", err
	}
	_, path, err := cutOrigin(stem)
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(path, "?#") {
		return "", refuse(NotDigitalLink, "the stem %s has a query or fragment", quote(stem))
	}
	return strings.TrimRight(stem, "/"), nil
}
