package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/node"
)

// Deadlines of the tests. They only keep a test from hanging: they are for machines
// that do much else, and what is waited for takes a small part of them.
const (
	startWithin = 3 * time.Minute
	doneWithin  = 5 * time.Minute // a command
	finalWithin = 3 * time.Minute
	pollEvery   = 10 * time.Millisecond
)

// A network is the companies of one charter, each with a directory, a guard
// outside of it and, while it runs, a process.
type network struct {
	t    *testing.T
	dir  string
	pass string // passphrase file
	id   ledger.Hash

	brand, wh, dist, audit *company
}

// A company is one member of a network with its node.
type company struct {
	t     *testing.T
	net   *network
	name  string
	dir   string
	guard string
	url   string
	peer  string // libp2p peer id
	chain uint32
	token string // of its operator "ops", once there is one

	proc *process // nil while the node does not run
	logs string   // path of what its processes wrote to stderr

	place  place
	client *http.Client // reaches the node where it is
}

// A place is where a company's node runs; the zero place is this machine, with
// ports of its own on loopback.
type place struct {
	ip      string   // the address of a machine of its own, which takes fixed ports
	private bool     // nobody can dial it
	machine machine  // nil: this one
	listen  []string // where to listen for other nodes; nil: QUIC and TCP at ip
	addrs   []string // what the charter says; nil: where it listens
	hosts   string   // path of what is /etc/hosts to the node; "": the machine's own
}

// A machine is a network of its own in which a node runs.
type machine interface {
	// within calls do on a thread from which sockets and processes belong to the
	// machine.
	within(do func() error) error
}

// A process is a running `suyuan run`.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when err is set
	err    error
}

// newNetwork makes the directories of four companies with one charter that all
// have signed and accepted. Nothing runs yet.
func newNetwork(t *testing.T) *network { t.Helper(); return newNetworkAt(t, nil) }

// newNetworkAt is newNetwork for companies that have places, by name.
func newNetworkAt(t *testing.T, places map[string]place) *network {
	t.Helper()
	n := &network{t: t, dir: t.TempDir()}
	n.pass = filepath.Join(n.dir, "pw")
	if err := os.WriteFile(n.pass, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.brand, n.wh = n.newCompany("brand", 1), n.newCompany("wh", 2)
	n.dist, n.audit = n.newCompany("dist", 3), n.newCompany("audit", 4)
	for _, c := range n.all() {
		c.place, c.client = places[c.name], browser
		if c.place.machine != nil {
			c.client = c.remoteClient()
		}
	}
	each(n.all(), func(c *company) { c.init() })

	charter := filepath.Join(n.dir, "charter.json")
	args := []string{"charter", "propose", "--out", charter}
	for _, c := range n.all() {
		args = append(args, filepath.Join(c.dir, "member.json"))
		c.peer = c.member().Peer
	}
	n.suyuan(args...).done(t)
	for _, c := range n.all() { // one file, one after the other
		c.suyuan("charter", "sign", charter).done(t)
	}
	each(n.all(), func(c *company) { c.suyuan("charter", "accept", charter).done(t) })
	signed, err := node.ReadCharter(charter)
	if err != nil {
		t.Fatal(err)
	}
	n.id = signed.Hash()
	return n
}

func (n *network) newCompany(name string, chain uint32) *company {
	return &company{
		t: n.t, net: n, name: name, chain: chain,
		dir: filepath.Join(n.dir, name), guard: filepath.Join(n.dir, name+".guard"), logs: filepath.Join(n.dir, name+".log"),
	}
}

// all lists the companies in the order of their chains.
func (n *network) all() []*company { return []*company{n.brand, n.wh, n.dist, n.audit} }

// first is the company whose node dials the others without waiting for them:
// of two nodes the one with the lower peer id does. A test that starts one node
// again and again waits least with this one.
func (n *network) first() *company {
	return slices.MinFunc(n.all(), func(a, b *company) int { return strings.Compare(a.peer, b.peer) })
}

// others are all companies but one.
func (n *network) others(but *company) []*company {
	return slices.DeleteFunc(n.all(), func(c *company) bool { return c == but })
}

// each calls do for all companies at once.
func each(list []*company, do func(*company)) {
	var wg sync.WaitGroup
	for _, c := range list {
		wg.Go(func() { do(c) })
	}
	wg.Wait()
}

var roles = map[string]string{"brand": "brand", "wh": "warehouse", "dist": "distributor", "audit": "auditor"}

func (c *company) init() {
	c.t.Helper()
	http, p2p := c.listen()
	c.url = "http://" + http
	args := []string{"init", "--light", "--network", "lanzhi.example", "--member", c.name, "--role", roles[c.name],
		"--name-zh", "公司" + c.name, "--name-en", "Company " + c.name, "--http", http,
		"--p2p", strings.Join(p2p, ","), "--guard", c.guard}
	if c.place.private {
		args = append(args, "--private")
	}
	if len(c.place.addrs) > 0 {
		args = append(args, "--addr", strings.Join(c.place.addrs, ","))
	}
	if c.name == "brand" {
		args = append(args, "--prefix", "6901234")
	}
	c.suyuan(args...).done(c.t)
}

// listen chooses the addresses of the company's node.
func (c *company) listen() (http string, p2p []string) {
	if c.place.listen != nil { // what asks it is on its machine
		return "127.0.0.1:8080", c.place.listen
	}
	if ip := c.place.ip; ip != "" {
		return ip + ":8080", []string{"/ip4/" + ip + "/udp/4001/quic-v1", "/ip4/" + ip + "/tcp/4001"}
	}
	http = fmt.Sprintf("127.0.0.1:%d", freePort(c.t))
	return http, []string{fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", freePort(c.t))}
}

// within calls do where sockets and processes belong to the company's place.
func (c *company) within(do func() error) error {
	if c.place.machine == nil {
		return do()
	}
	return c.place.machine.within(do)
}

func (c *company) member() *node.MemberFile {
	c.t.Helper()
	m, err := node.ReadMember(filepath.Join(c.dir, "member.json"))
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

// ports are those that were given out already.
var ports struct {
	sync.Mutex
	given map[int]bool
}

// freePort finds a port for a server that is started and killed again and
// again: below the range that the kernel takes for outgoing connections, so that
// nothing else takes it meanwhile.
func freePort(t testing.TB) int {
	t.Helper()
	port, err := findPort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func findPort() (int, error) {
	ports.Lock()
	defer ports.Unlock()
	if ports.given == nil {
		ports.given = make(map[int]bool)
	}
	for range 1000 {
		port := 16_000 + rand.IntN(16_000)
		if ports.given[port] {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		l.Close()
		ports.given[port] = true
		return port, nil
	}
	return 0, errors.New("no free port was found")
}

// An outcome is how a command ended.
type outcome struct {
	args           []string
	stdout, stderr string
	code           int
}

// The exit codes of the program.
const (
	exitDone   = 0
	exitFailed = 1
	exitMisuse = 2
	exitBad    = 3
)

// done fails the test unless the command has succeeded, and returns its stdout.
func (o outcome) done(t testing.TB) string { t.Helper(); return o.ended(t, exitDone) }

// ended fails the test unless the command ended with a code, and returns its
// stdout.
func (o outcome) ended(t testing.TB, code int) string {
	t.Helper()
	if o.code != code {
		t.Fatalf("suyuan %s: exit %d, not %d\nstdout: %s\nstderr: %s", strings.Join(o.args, " "), o.code, code, o.stdout, o.stderr)
	}
	return o.stdout
}

// suyuan runs a command in a process of its own.
func (n *network) suyuan(args ...string) outcome {
	n.t.Helper()
	return n.suyuanWithin(doneWithin, args...)
}

// suyuanWithin is suyuan for commands that may take longer than most.
func (n *network) suyuanWithin(patience time.Duration, args ...string) outcome {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := n.command(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		n.t.Fatalf("suyuan %s: %v", strings.Join(args, " "), err)
	}
	return outcome{args, stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

func (n *network) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "suyuan", args...)
	cmd.Dir = n.dir
	cmd.SysProcAttr = childAttr()
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SUYUAN_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "SUYUAN_PASSPHRASE_FILE="+n.pass, "QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING=true")
	return cmd
}

// suyuan runs a command with the company's --dir.
func (c *company) suyuan(args ...string) outcome {
	c.t.Helper()
	return c.net.suyuan(append(args, "--dir", c.dir)...)
}

// start starts the nodes of all companies and waits until they are ready.
func (n *network) start() {
	n.t.Helper()
	for _, c := range n.all() {
		c.launch()
	}
	for _, c := range n.all() {
		c.waitReady()
	}
}

// launch starts the company's node and does not wait for it.
func (c *company) launch() {
	c.t.Helper()
	if c.proc != nil {
		c.t.Fatalf("%s runs already", c.name)
	}
	logs, err := os.OpenFile(c.logs, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		c.t.Fatal(err)
	}
	defer logs.Close()
	cmd := c.net.command(context.Background(), "run", "--dir", c.dir, "--log-level", "debug")
	if c.place.hosts != "" {
		under := exec.Command("unshare", append([]string{"--mount", "sh", "-c",
			`mount --bind "$0" /etc/hosts && exec "$@"`, c.place.hosts}, cmd.Args...)...)
		cmd.Path, cmd.Args = under.Path, under.Args
	}
	cmd.Stdout, cmd.Stderr = logs, logs
	var p *process
	err = c.within(func() (err error) { p, err = startProcess(cmd); return err })
	if err != nil {
		c.t.Fatal(err)
	}
	c.proc = p
	c.t.Cleanup(func() { // again for each process: the first of them tells
		c.t.Helper()
		p.kill()
		c.tellLog()
	})
}

func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, exited: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// kill ends the process at once, as a power failure does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}

// interrupt ends the process as an operator does, and waits.
func (p *process) interrupt() error {
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	select {
	case <-p.exited:
		return p.err
	case <-time.After(startWithin):
		return errors.New("it does not stop")
	}
}

// tellLog shows the end of the company's log if the test has failed, once.
func (c *company) tellLog() {
	if !c.t.Failed() || c.logs == "" {
		return
	}
	raw, err := os.ReadFile(c.logs)
	c.logs = ""
	const most = 8000
	c.t.Logf("log of %s (%v):\n%s", c.name, err, raw[max(0, len(raw)-most):])
}

// start starts the company's node and waits until it is ready.
func (c *company) start() { c.t.Helper(); c.launch(); c.waitReady() }

// waitReady waits until /readyz says that the node answers and signs.
func (c *company) waitReady() {
	c.t.Helper()
	p := c.proc
	eventually(c.t, startWithin, func() string {
		select {
		case <-p.exited:
			c.t.Fatalf("%s ended: %v", c.name, p.err)
		default:
		}
		return c.notReady()
	})
}

// notReady says why the node does not answer or sign, or nothing.
func (c *company) notReady() string {
	a, err := c.try("GET", "/readyz", nil)
	switch {
	case err != nil:
		return fmt.Sprintf("%s does not answer: %v", c.name, err)
	case a.status != http.StatusOK:
		return fmt.Sprintf("%s is not ready: %s", c.name, a.body)
	}
	return ""
}

// stop ends the company's node as an operator does, and waits.
func (c *company) stop() {
	c.t.Helper()
	if err := c.proc.interrupt(); err != nil {
		c.t.Fatalf("stop %s: %v", c.name, err)
	}
	c.proc = nil
}

// kill ends the company's node at once, as a power failure does.
func (c *company) kill() {
	c.proc.kill()
	c.proc = nil
}

// eventually waits until missing says that nothing is missing any more.
func eventually(t testing.TB, within time.Duration, missing func() string) {
	t.Helper()
	if err := poll(within, missing); err != nil {
		t.Fatal(err)
	}
}

func poll(within time.Duration, missing func() string) error {
	end := time.Now().Add(within)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		what := missing()
		if what == "" {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("after %v: %s", within, what)
		}
		<-tick.C
	}
}

// An answer is what a node answers over HTTP.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// A request is a body with its type; no body is a nil request.
type request struct {
	kind, body string
}

func jsonRequest(body string) *request { return &request{"application/json", body} }

// browser is the client of all tests. A node that is killed leaves connections
// behind that the next request must not wait for.
var browser = &http.Client{Timeout: time.Minute}

// try sends a request with the company's token, if it has one.
func (c *company) try(method, path string, r *request) (*answer, error) {
	return sendBy(c.client, method, c.url+path, c.token, r)
}

// remoteClient is a client whose connections begin on the company's machine.
func (c *company) remoteClient() *http.Client {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
			err = c.within(func() (err error) { conn, err = new(net.Dialer).DialContext(ctx, network, addr); return err })
			return conn, err
		},
	}
	c.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Timeout: browser.Timeout, Transport: transport}
}

func send(method, url, token string, r *request) (*answer, error) {
	return sendBy(browser, method, url, token, r)
}

func sendBy(client *http.Client, method, url, token string, r *request) (*answer, error) {
	var body io.Reader
	if r != nil {
		body = strings.NewReader(r.body)
	}
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return nil, err
	}
	if r != nil {
		req.Header.Set("Content-Type", r.kind)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	return &answer{res.StatusCode, res.Header, data}, err
}

// get reads an address into out, which must be there.
func (c *company) get(path string, out any) {
	c.t.Helper()
	a, err := c.try("GET", path, nil)
	if err != nil {
		c.t.Fatalf("GET %s of %s: %v", path, c.name, err)
	}
	a.into(c.t, http.StatusOK, out)
}

// into decodes an answer that must have a status.
func (a *answer) into(t testing.TB, status int, out any) {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, not %d: %s", a.status, status, a.body)
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

// placed is where the API says that a record stands.
type placed struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Chain string `json:"chain"`
	Seq   uint64 `json:"seq"`
	Hash  string `json:"hash"`
}

// post posts records and returns where they stand; all must be stored.
func (c *company) post(drafts string) []placed {
	c.t.Helper()
	a, err := c.try("POST", "/api/v1/records", jsonRequest(drafts))
	if err != nil {
		c.t.Fatalf("post to %s: %v", c.name, err)
	}
	list, err := a.stored()
	if err != nil {
		c.t.Fatal(err)
	}
	return list
}

// stored reads the answer to posted records, all of which must be stored.
func (a *answer) stored() (list []placed, err error) {
	var out struct {
		Records []struct {
			placed
			Problem json.RawMessage `json:"problem"`
		} `json:"records"`
	}
	if a.status != http.StatusCreated {
		return nil, fmt.Errorf("status %d: %s", a.status, a.body)
	}
	if err := json.Unmarshal(a.body, &out); err != nil {
		return nil, err
	}
	for _, r := range out.Records {
		if r.Problem != nil {
			return nil, fmt.Errorf("a record was refused: %s", r.Problem)
		}
		list = append(list, r.placed)
	}
	return list, nil
}

// placeDraft is a record that every member may write any number of times, with
// an id of its own.
func placeDraft(id string) string {
	return fmt.Sprintf(`{"kind":"place","age_ms":0,"fields":{"id":%q,"kind":"warehouse","country":"CN"}}`, id)
}

// addOperator gives the company an operator that may write the kinds, and keeps
// its token.
func (c *company) addOperator(kinds ...string) {
	c.t.Helper()
	var made struct{ Token string }
	out := c.suyuan("operator", "add", "ops", "--kinds", strings.Join(kinds, ","), "--json").done(c.t)
	if err := json.Unmarshal([]byte(out), &made); err != nil {
		c.t.Fatalf("%v in %s", err, out)
	}
	c.token = made.Token
}

// status asks the running node.
func (c *company) status() *node.Status {
	c.t.Helper()
	var s node.Status
	c.get("/api/v1/status", &s)
	return &s
}

// ownSize is the size of the company's chain on its own node.
func (c *company) ownSize() uint64 {
	c.t.Helper()
	return c.status().Chains[c.chain-1].Size
}

// waitFinal waits until everything that the nodes of the listed companies wrote
// is final on all of these nodes, with the same roots and no evidence.
func (n *network) waitFinal(list ...*company) { n.t.Helper(); n.waitFinalWithin(finalWithin, list) }

// waitFinalWithin is waitFinal with a patience of its own; no list is all.
func (n *network) waitFinalWithin(patience time.Duration, list []*company) {
	n.t.Helper()
	if len(list) == 0 {
		list = n.all()
	}
	eventually(n.t, patience, func() string {
		var states []*node.Status
		for _, c := range list {
			states = append(states, c.status())
		}
		for _, author := range list {
			i := author.chain - 1
			own := states[slices.Index(list, author)].Chains[i]
			for j, s := range states {
				at := s.Chains[i]
				if at.Forked {
					n.t.Fatalf("%s holds evidence against %s", list[j].name, at.Chain)
				}
				if at.Final != own.Size || at.FinalRoot != own.Root {
					return fmt.Sprintf("%s has %s final up to %d (stored %d), its author wrote %d entries", list[j].name, at.Chain, at.Final, at.Size, own.Size)
				}
			}
		}
		return ""
	})
}
