package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"suyuan/ledger"
	"suyuan/node"
)

// The demo's company network.
const (
	demoName   = "lanzhi.example"
	demoPrefix = "6901234" // GS1 company prefix of the brand

	demoStart = 60 * time.Second      // for a node to become ready
	demoFinal = 120 * time.Second     // for everything to become final
	demoPoll  = 50 * time.Millisecond // between two looks
	demoStop  = 15 * time.Second      // for a node to end before it is killed
)

// A company is one of the four and its process.
type company struct {
	slug, zh, en string
	role         ledger.Role
	prefix       string

	dir     string
	url     string
	local   *client
	public  *client            // with its token
	dealers map[string]*client // with the tokens of dealers that it hosts, by slug
	cmd     *exec.Cmd
	done    chan struct{} // closed when the process has ended
}

// demoNetwork is the four companies.
type demoNetwork struct {
	e         *env
	o         demoOptions
	pass      string // file with the passphrase of all
	companies []*company
	stopping  sync.Once
}

func newDemoNetwork(e *env, o demoOptions) *demoNetwork {
	n := &demoNetwork{e: e, o: o, pass: filepath.Join(o.dir, "passphrase"), companies: []*company{
		{slug: "brand", zh: "兰芷生物科技", en: "Lanzhi Biotech", role: ledger.Brand, prefix: demoPrefix},
		{slug: "wh", zh: "华东云仓", en: "East China Cloud Warehouse", role: ledger.Warehouse},
		{slug: "dist", zh: "杭州美谷商贸", en: "Hangzhou Meigu Trading", role: ledger.Distributor},
		{slug: "audit", zh: "沪检认证", en: "Hujian Certification", role: ledger.Auditor},
	}}
	for i, c := range n.companies {
		c.dir = filepath.Join(o.dir, c.slug)
		c.dealers = make(map[string]*client)
		c.url = "http://" + net.JoinHostPort(o.host, strconv.Itoa(o.port+i))
	}
	return n
}

// company returns the company with that slug.
func (n *demoNetwork) company(slug string) *company {
	for _, c := range n.companies {
		if c.slug == slug {
			return c
		}
	}
	panic("suyuan: the demo has no company " + slug)
}

// make makes the four directories and the charter, as four companies would with
// the commands init and charter.
func (n *demoNetwork) make() error {
	n.e.say("making keys and a charter for four companies …")
	const phrase = "demonstration only"
	if err := os.MkdirAll(n.o.dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(n.pass, []byte(phrase+"\n"), 0o600); err != nil {
		return err
	}
	var files []*node.MemberFile
	for i, c := range n.companies {
		port := n.o.port + 10 + i
		o := node.InitOptions{
			Dir: c.dir, Network: demoName, Member: c.slug, Role: c.role, NameZh: c.zh, NameEn: c.en,
			HTTP: net.JoinHostPort(n.o.host, strconv.Itoa(n.o.port+i)),
			P2P:  []string{multiaddr(n.o.host, "udp", port) + "/quic-v1", multiaddr(n.o.host, "tcp", port)},
			URL:  c.url, CodeURL: n.companies[0].url, Guard: filepath.Join(n.o.dir, "guards", c.slug+".signed"),
			Passphrase: phrase, AdminPassphrase: phrase, Strength: node.Light, TrustedProxies: ownAddress(n.o.host),
		}
		if c.prefix != "" {
			o.Prefixes = []string{c.prefix}
		}
		m, err := node.Init(o)
		if err != nil {
			return fmt.Errorf("make %s: %w", c.slug, err)
		}
		if err := believePhones(c.dir); err != nil {
			return err
		}
		files = append(files, m)
	}
	s, err := node.ProposeCharter(files, ledger.Settings{DefaultMembers: []string{"brand"}})
	if err != nil {
		return err
	}
	for _, c := range n.companies {
		if err := node.SignCharter(c.dir, s, phrase); err != nil {
			return err
		}
	}
	for _, c := range n.companies {
		if _, _, err := node.AcceptCharter(c.dir, s); err != nil {
			return err
		}
	}
	return nil
}

// ownAddress is from where the demo's own phones call, if the host is an address.
func ownAddress(host string) []string {
	if net.ParseIP(host) == nil {
		return nil
	}
	return []string{host}
}

func multiaddr(host, transport string, port int) string {
	kind := "dns4"
	if ip := net.ParseIP(host); ip != nil {
		kind = "ip4"
		if ip.To4() == nil {
			kind = "ip6"
		}
	}
	return fmt.Sprintf("/%s/%s/%s/%d", kind, host, transport, port)
}

// start starts the four processes and waits until they are ready. One that ends
// on its own ends the demo.
func (n *demoNetwork) start(ctx context.Context, cancel context.CancelCauseFunc) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	n.e.say("starting four nodes …")
	for _, c := range n.companies {
		if err := c.start(self, n.pass, cancel); err != nil {
			return err
		}
	}
	for _, c := range n.companies {
		if err := c.waitReady(ctx); err != nil {
			return fmt.Errorf("%s is not ready: %w; see %s", c.slug, err, c.logPath())
		}
	}
	return nil
}

func (c *company) logPath() string { return c.dir + ".log" }

func (c *company) start(self, pass string, cancel context.CancelCauseFunc) error {
	log, err := os.OpenFile(c.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() // the child has its own
	c.cmd = exec.Command(self, "run", "--dir", c.dir)
	c.cmd.Env = append(os.Environ(), "SUYUAN_PASSPHRASE_FILE="+pass, "QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING=true")
	c.cmd.Stdout, c.cmd.Stderr = log, log
	bindToParent(c.cmd)
	if err := c.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", c.slug, err)
	}
	c.done = make(chan struct{})
	go func() {
		err := c.cmd.Wait()
		close(c.done)
		cancel(fmt.Errorf("the node of %s has ended (%v); see %s", c.slug, err, c.logPath()))
	}()
	return nil
}

// poll calls look until it says done, fails, or time is up.
func poll(ctx context.Context, limit time.Duration, look func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(demoPoll)
	defer tick.Stop()
	for {
		done, err := look(ctx)
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}

func (c *company) waitReady(ctx context.Context) error {
	return poll(ctx, demoStart, func(ctx context.Context) (bool, error) {
		local, err := socketClient(c.dir)
		if err != nil {
			return false, err
		}
		if err := local.call(ctx, http.MethodGet, "/readyz", nil, nil); err != nil {
			return false, err
		}
		c.local = local
		return true, nil
	})
}

// waitFinal waits until all four nodes hold the same entries of every chain, all
// of them final.
func (n *demoNetwork) waitFinal(ctx context.Context) error {
	return poll(ctx, demoFinal, func(ctx context.Context) (bool, error) {
		var first []node.ChainStatus
		for _, c := range n.companies {
			var s node.Status
			if err := c.local.call(ctx, http.MethodGet, "/api/v1/status", nil, &s); err != nil {
				return false, err
			}
			if first == nil {
				first = s.Chains
			}
			for i, ch := range s.Chains {
				if ch.Final != ch.Size || ch.Size != first[i].Size || ch.Size == 0 {
					return false, fmt.Errorf("%s: chain %s has %d entries, %d of them final", c.slug, ch.Chain, ch.Size, ch.Final)
				}
			}
		}
		return true, nil
	})
}

// demoAnswer is what the demo reads of an answer.
type demoAnswer struct {
	Verdict string          `json:"verdict"`
	Trail   json.RawMessage `json:"trail"`
}

// trail asks a company's public API for an item, waiting for what is on its way.
func (c *company) trail(ctx context.Context, uri string) (*demoAnswer, error) {
	var a demoAnswer
	err := poll(ctx, demoFinal, func(ctx context.Context) (bool, error) {
		pub := &client{http: http.DefaultClient, base: c.url}
		err := pub.call(ctx, http.MethodGet, "/api/v1/trail?uri="+url.QueryEscape(uri), nil, &a)
		return err == nil, err
	})
	return &a, err
}

func (n *demoNetwork) describe() []demoNode {
	var list []demoNode
	for _, c := range n.companies {
		list = append(list, demoNode{Member: c.slug, Role: string(c.role), URL: c.url, Dir: c.dir, PID: c.cmd.Process.Pid})
	}
	return list
}

// stop ends the four processes and waits for them.
func (n *demoNetwork) stop() (err error) {
	n.stopping.Do(func() {
		for _, c := range n.companies {
			if c.done != nil {
				// One that has ended already cannot be signalled; that is fine.
				_ = c.cmd.Process.Signal(os.Interrupt)
			}
		}
		for _, c := range n.companies {
			if c.done == nil {
				continue
			}
			select {
			case <-c.done:
			case <-time.After(demoStop):
				err = errors.Join(err, fmt.Errorf("%s did not end and was killed", c.slug), c.cmd.Process.Kill())
				<-c.done
			}
		}
	})
	return err
}
