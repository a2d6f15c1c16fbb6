package node

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	lcrypto "github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node/replica"
)

// A MemberFile is member.json: what a company tells the others about itself and
// its node so that a charter can be proposed. There is nothing secret in it.
type MemberFile struct {
	Network  string           `json:"network"`
	Member   string           `json:"member"`
	Role     ledger.Role      `json:"role"`
	NameZh   string           `json:"name_zh"`
	NameEn   string           `json:"name_en"`
	Admins   []ledger.Address `json:"admins"`
	Prefixes []string         `json:"prefixes,omitempty"` // GS1 company prefixes
	GTINs    []uint64         `json:"gtins,omitempty"`
	LogKey   ledger.Hash      `json:"log_key"`
	Witness  *ledger.Hash     `json:"witness,omitempty"` // nil: the member is no cosigner
	Peer     string           `json:"peer"`
	Addrs    []string         `json:"addrs"`
	URL      string           `json:"url,omitempty"`
	Keys     []HeldKey        `json:"keys,omitempty"` // made since, public parts; see RotateKeys
}

// ReadMember reads a member file.
func ReadMember(path string) (*MemberFile, error) {
	var m MemberFile
	if err := readJSON(path, &m); err != nil {
		return nil, fmt.Errorf("member file: %w", err)
	}
	return &m, nil
}

// InitOptions say what [Init] makes.
type InitOptions struct {
	Dir             string
	Network         string
	Member          string
	Role            ledger.Role
	NameZh, NameEn  string
	Prefixes        []string
	GTINs           []uint64
	HTTP            string   // address of pages and API
	P2P             []string // multiaddresses to listen on
	Addrs           []string // multiaddresses that others dial; P2P if empty, unless Private
	Private         bool     // others cannot dial the node; it is reached through members that can be
	URL             string   // public base URL of the node, may be empty
	CodeURL         string   // base of issued codes; https://<network> if empty
	Guard           string   // path of the guard; in the state directory if empty
	Passphrase      string
	AdminPassphrase string
	Strength        Strength
	NoWitness       bool // the member will be no cosigner

	TrustedProxies []string // see [Config]; none if empty
}

// Init makes a node's directory: keys, configuration, member file and guard.
// It refuses a directory in which anything stands, so that a wrong path cannot
// give a member a second log.
func Init(o InitOptions) (*MemberFile, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	keys, err := createKeyring(o.Dir, o.Passphrase, o.Strength)
	if err != nil {
		return nil, err
	}
	m, err := o.makeMember(keys)
	if err != nil {
		return nil, err
	}
	if o.Guard == "" {
		if o.Guard, err = defaultGuard(m.LogKey); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(o.Guard), 0o700); err != nil {
		return nil, fmt.Errorf("make a place for the guard: %w", err)
	}
	if err := store.CreateGuard(o.Guard); err != nil {
		return nil, err
	}
	c := &Config{HTTP: o.HTTP, P2P: o.P2P, Reachability: replica.Auto, CodeURL: o.CodeURL, Guard: o.Guard, Log: "text", TrustedProxies: append([]string{}, o.TrustedProxies...)}
	if err := c.write(o.Dir); err != nil {
		return nil, err
	}
	// The member file comes last: with it the directory is complete.
	return m, writeJSON(filepath.Join(o.Dir, fileMember), m, 0o644)
}

func (o *InitOptions) check() error {
	if o.HTTP == "" {
		o.HTTP = "127.0.0.1:8080"
	}
	if len(o.P2P) == 0 {
		o.P2P = []string{"/ip4/0.0.0.0/udp/4001/quic-v1", "/ip4/0.0.0.0/tcp/4001"}
	}
	switch {
	case len(o.Addrs) > 0:
	case o.Private:
		o.Addrs = []string{}
	default:
		o.Addrs = dialable(o.P2P)
	}
	if o.CodeURL == "" {
		o.CodeURL = "https://" + o.Network
	}
	var errs []error
	if err := ledger.CheckName(o.Network); err != nil {
		errs = append(errs, fmt.Errorf("network: %w", err))
	}
	if err := ledger.CheckSlug(o.Member); err != nil {
		errs = append(errs, fmt.Errorf("member: %w", err))
	}
	if !o.Role.Valid() {
		errs = append(errs, fmt.Errorf("role: %q is none of brand, warehouse, distributor, auditor", o.Role))
	}
	if o.NameZh == "" || o.NameEn == "" {
		errs = append(errs, errors.New("names: a Chinese and an English name are needed"))
	}
	if o.Private && len(o.Addrs) > 0 {
		errs = append(errs, errors.New("addresses: a private node has none that others could dial"))
	}
	if o.Passphrase == "" || o.AdminPassphrase == "" {
		errs = append(errs, errors.New("passphrase: it is empty"))
	}
	if err := CheckCodeURL(o.CodeURL); err != nil {
		errs = append(errs, fmt.Errorf("code URL: %w", err))
	}
	if list, err := os.ReadDir(o.Dir); err == nil && len(list) > 0 {
		errs = append(errs, fmt.Errorf("directory: %s is not empty; a member's log is made once", o.Dir))
	}
	if err := o.checkGuard(); err != nil {
		errs = append(errs, fmt.Errorf("guard: %w", err))
	}
	return errors.Join(errs...)
}

// checkGuard makes the guard's path absolute and refuses one that would not do,
// before anything is made.
func (o *InitOptions) checkGuard() (err error) {
	if o.Guard == "" {
		return nil
	}
	if o.Guard, err = filepath.Abs(o.Guard); err != nil {
		return err
	}
	if _, err := os.Lstat(o.Guard); err == nil {
		return fmt.Errorf("%s exists; a guard is made once, with the log key", o.Guard)
	}
	return checkGuardPath(o.Guard, o.Dir)
}

// dialable returns addresses to listen on with "all addresses of this machine"
// replaced by one that others can dial: the first that is no loopback, else
// loopback, which is for trying out on one machine only.
func dialable(listen []string) []string {
	ip := net.IPv4(127, 0, 0, 1)
	if addrs, err := net.InterfaceAddrs(); err == nil {
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
				ip = n.IP
				break
			}
		}
	}
	out := make([]string, len(listen))
	for i, a := range listen {
		out[i] = strings.Replace(a, "/ip4/0.0.0.0/", "/ip4/"+ip.String()+"/", 1)
	}
	return out
}

func (o *InitOptions) makeMember(keys *Keyring) (*MemberFile, error) {
	admin, err := newEthereumKey(filepath.Join(o.Dir, keyFile("admin")), o.AdminPassphrase, o.Strength)
	if err != nil {
		return nil, err
	}
	log, err := keys.newEd25519("log")
	if err != nil {
		return nil, err
	}
	transport, err := keys.newEd25519("transport")
	if err != nil {
		return nil, err
	}
	id, err := peerID(transport)
	if err != nil {
		return nil, err
	}
	m := &MemberFile{
		Network: o.Network, Member: o.Member, Role: o.Role, NameZh: o.NameZh, NameEn: o.NameEn,
		Admins: []ledger.Address{ledger.AddressOf(admin)}, Prefixes: slices.Sorted(slices.Values(o.Prefixes)),
		GTINs: slices.Sorted(slices.Values(o.GTINs)), LogKey: publicKey(log), Peer: id.String(), Addrs: o.Addrs, URL: o.URL,
	}
	if !o.NoWitness {
		witness, err := keys.newEd25519("witness")
		if err != nil {
			return nil, err
		}
		w := publicKey(witness)
		m.Witness = &w
	}
	return m, nil
}

func publicKey(k ed25519.PrivateKey) ledger.Hash { return ledger.Hash(k.Public().(ed25519.PublicKey)) }

func peerID(transport ed25519.PrivateKey) (peer.ID, error) {
	k, err := lcrypto.UnmarshalEd25519PrivateKey(transport)
	if err != nil {
		return "", fmt.Errorf("transport key: %w", err)
	}
	id, err := peer.IDFromPrivateKey(k)
	if err != nil {
		return "", fmt.Errorf("peer id: %w", err)
	}
	return id, nil
}
