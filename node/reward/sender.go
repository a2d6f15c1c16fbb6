package reward

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// A Receiver is where messages go.
type Receiver struct {
	URL string
	// Secrets returns what receiver and node share, 1 to MaxSecrets of them with
	// MinSecret to MaxSecret bytes each. It is asked before each attempt, and the
	// message is signed with each: so a secret can be changed while messages go on.
	Secrets func() ([][]byte, error)
	// Loopback allows a receiver on this machine, also over plain HTTP.
	Loopback bool
}

// ParseSecrets reads shared secrets as Standard Webhooks writes them, one in a line:
// whsec_ and Base64.
func ParseSecrets(text string) ([][]byte, error) {
	var list [][]byte
	for _, line := range strings.Fields(text) {
		secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(line, "whsec_"))
		if err != nil || len(secret) < MinSecret || len(secret) > MaxSecret {
			return nil, fmt.Errorf("a secret is whsec_ and the Base64 of %d to %d bytes, such as `echo whsec_$(openssl rand -base64 32)` makes", MinSecret, MaxSecret)
		}
		list = append(list, secret)
	}
	if len(list) == 0 || len(list) > MaxSecrets {
		return nil, fmt.Errorf("there are %d shared secrets, not 1 to %d, one in a line", len(list), MaxSecrets)
	}
	return list, nil
}

// Check returns what is wrong with the receiver.
func (r *Receiver) Check() error {
	u, err := url.Parse(r.URL)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("%q is no URL of a receiver", r.URL)
	}
	addr, err := netip.ParseAddr(u.Hostname())
	local := u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
	switch {
	case local && !r.Loopback:
		return errors.New("the receiver is on this machine, which allow_loopback has to allow")
	case u.Scheme != "https" && !(u.Scheme == "http" && local):
		return errors.New("a receiver is spoken to over https")
	}
	return nil
}

// A sender sends messages to one receiver.
type sender struct {
	url     string
	secrets func() ([][]byte, error)
	http    *http.Client
	now     func() time.Time
}

func newSender(r *Receiver, now func() time.Time) (*sender, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: attemptTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		return mayDial(address, r.Loopback)
	}}
	return &sender{url: r.URL, secrets: r.Secrets, now: now, http: &http.Client{
		Timeout: attemptTimeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: attemptTimeout, ResponseHeaderTimeout: attemptTimeout,
			ForceAttemptHTTP2: true, MaxIdleConnsPerHost: parallel, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

var errAddress = errors.New("the receiver's name leads to an address that is not spoken to")

// mayDial refuses addresses to which no name of a receiver may lead, whatever a
// name server says.
func mayDial(address string, loopback bool) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := a.Addr().Unmap()
	if ip.IsLoopback() && loopback {
		return nil
	}
	if ip.IsLoopback() || ip.IsUnspecified() || ip.IsLinkLocalUnicast() || ip.IsMulticast() {
		return fmt.Errorf("%w: %s", errAddress, ip)
	}
	return nil
}

// errGone says that the receiver wants no more messages, as Standard Webhooks
// defines it.
var errGone = errors.New("the receiver answers 410 Gone: it takes no rewards any more")

// sign signs an attempt with each of the secrets.
func (s *sender) sign(id ID, now time.Time, body []byte) (string, error) {
	secrets, err := s.secrets()
	if err != nil {
		return "", err
	}
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		hook, err := standardwebhooks.NewWebhookRaw(secret)
		if err != nil {
			return "", err
		}
		if signatures[i], err = hook.Sign(id.String(), now, body); err != nil {
			return "", err
		}
	}
	return strings.Join(signatures, " "), nil
}

// send makes one attempt. No error means that the receiver has taken the message.
func (s *sender) send(ctx context.Context, id ID, body []byte) error {
	now := s.now()
	signature, err := s.sign(id, now, body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "suyuan")
	req.Header.Set(standardwebhooks.HeaderWebhookID, id.String())
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, fmt.Sprint(now.Unix()))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	res, err := s.http.Do(req)
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the address, in which people put keys
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswerBytes)) // so that the connection can be used again
	switch {
	case res.StatusCode == http.StatusGone:
		return errGone
	case res.StatusCode < 200 || res.StatusCode > 299:
		return fmt.Errorf("the receiver answers %s", res.Status)
	}
	return nil
}

func (s *sender) close() { s.http.CloseIdleConnections() }
