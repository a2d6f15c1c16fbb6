package node

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"suyuan/ledger"
	"suyuan/node/replica"
	"suyuan/trace/gs1"
)

// Config is a node's config.toml. Unknown keys are refused, so that a typing
// mistake is not a silent default. Secrets are never in it: passphrases come
// from a file named on the command line or in the environment.
type Config struct {
	// HTTP is the address on which pages and API are served, host:port. Put a
	// proxy with TLS in front of it, or keep it on a private network.
	HTTP string `toml:"http"`

	// P2P lists the multiaddresses on which other nodes are listened for: numbers,
	// of version 4 or 6, not names. A private node may have none.
	P2P []string `toml:"p2p"`

	// Reachability says whether other nodes can dial this one: "public",
	// "private" (behind NAT or a firewall: it is reached through members that are
	// public) or "auto", which is public if the charter gives this node an address.
	Reachability replica.Reachability `toml:"reachability"`

	// MDNS looks for other nodes of the network on the same network segment, and
	// lets them find this one: everybody there hears that it is there.
	MDNS bool `toml:"mdns"`

	// CodeURL is the base of the codes that this node issues, without a final
	// slash. Scheme and host are printed in upper case, which makes the QR smaller.
	CodeURL string `toml:"code_url"`

	// Guard is the path of the signing guard. It lies outside the node's
	// directory and must never be part of a backup or be restored from one:
	// a restored guard would let the node sign a second history.
	Guard string `toml:"guard"`

	// Log is how messages are written to stderr: "text" or "json".
	Log string `toml:"log"`

	// TrustedProxies lists addresses or CIDR ranges whose X-Forwarded-For is
	// believed. Empty: the address of the connection counts.
	TrustedProxies []string `toml:"trusted_proxies"`
}

const configHeader = `# Settings of this node. Every key is listed; unknown keys are refused.
# Passphrases are never written here: give --passphrase-file, set
# SUYUAN_PASSPHRASE_FILE, or type them.

`

// ReadConfig reads and checks config.toml of a node's directory.
func ReadConfig(dir string) (*Config, error) {
	path := filepath.Join(dir, fileConfig)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open configuration: %w", err)
	}
	defer f.Close()
	var c Config
	if err := decodeTOML(f, path, &c); err != nil {
		return nil, err
	}
	if err := c.check(dir); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &c, nil
}

// decodeTOML reads settings strictly: an unknown key is a typing mistake.
func decodeTOML(r io.Reader, path string, v any) error {
	err := toml.NewDecoder(r).DisallowUnknownFields().Decode(v)
	var strict *toml.StrictMissingError
	var decode *toml.DecodeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &strict):
		return fmt.Errorf("%s has an unknown key:\n%s", path, strict.String())
	case errors.As(err, &decode):
		return fmt.Errorf("%s:\n%s", path, decode.String())
	}
	return fmt.Errorf("%s: %w", path, err)
}

func (c *Config) check(dir string) error {
	var errs []error
	if c.HTTP == "" {
		errs = append(errs, errors.New(`http: an address such as "127.0.0.1:8080" is needed`))
	}
	if !c.Reachability.Valid() {
		errs = append(errs, errors.New(`reachability: "auto", "public" or "private" is needed`))
	}
	if len(c.P2P) == 0 && c.Reachability != replica.Private {
		errs = append(errs, errors.New(`p2p: a multiaddress such as "/ip4/0.0.0.0/tcp/4001" is needed, unless reachability is "private"`))
	}
	for _, a := range c.P2P {
		if err := replica.CheckListen(a); err != nil {
			errs = append(errs, fmt.Errorf("p2p: %w", err))
		}
	}
	if err := checkGuardPath(c.Guard, dir); err != nil {
		errs = append(errs, fmt.Errorf("guard: %w", err))
	}
	if c.Log != "text" && c.Log != "json" {
		errs = append(errs, errors.New(`log: "text" or "json" is needed`))
	}
	if err := CheckCodeURL(c.CodeURL); err != nil {
		errs = append(errs, fmt.Errorf("code_url: %w", err))
	}
	return errors.Join(errs...)
}

// checkGuardPath refuses a guard in the node's directory: a copy of the directory
// would take it along, and putting the copy back would put the guard back too.
func checkGuardPath(guard, dir string) error {
	if !filepath.IsAbs(guard) {
		return errors.New("an absolute path outside this directory is needed")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(abs, guard); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("%s lies in the node's directory, of which backups are made", guard)
	}
	return nil
}

// CheckCodeURL checks the base URL of codes: http or https, a host, no query.
func CheckCodeURL(s string) error {
	rest, ok := strings.CutPrefix(strings.ToLower(s), "https://")
	if !ok {
		rest, ok = strings.CutPrefix(strings.ToLower(s), "http://")
	}
	if !ok || rest == "" || strings.ContainsAny(rest, "?# ") || strings.HasSuffix(rest, "/") {
		return fmt.Errorf("%q is not a base URL such as https://lanzhi.example", s)
	}
	return nil
}

func (c *Config) write(dir string) error {
	body, err := toml.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode configuration: %w", err)
	}
	return writeFile(filepath.Join(dir, fileConfig), append([]byte(configHeader), body...), 0o644)
}

// defaultGuard is where the guard lies unless told otherwise: in the user's
// state directory, named by the log key, so that no copy of the node's
// directory takes it along.
func defaultGuard(logKey ledger.Hash) (string, error) {
	state := os.Getenv("XDG_STATE_HOME")
	if state == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find a place for the guard: %w", err)
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "suyuan", sha256Hex(logKey[:])+".signed"), nil
}

// CodeURI makes the URI of a code. Scheme and host are upper case, because two
// characters of the alphanumeric set of QR codes take 11 bits instead of 16.
func CodeURI(base string, gtin gs1.GTIN, serial string) string {
	return strings.ToUpper(base) + "/01/" + gtin.String() + "/21/" + serial
}
