package node

import (
	"crypto/aes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/uuid"

	"suyuan/ledger"
)

// Strength is the cost of turning a passphrase into a key.
type Strength struct{ n, p int }

// The strengths: Standard takes about a second and 256 MiB, Light a few
// milliseconds and is for demonstrations and tests only.
var (
	Standard = Strength{keystore.StandardScryptN, keystore.StandardScryptP}
	Light    = Strength{keystore.LightScryptN, keystore.LightScryptP}
)

// unstretched is for files whose passphrase is 256 random bits: stretching
// would add nothing but time.
var unstretched = Strength{2, 1}

// ErrPassphrase is returned for a passphrase that does not open a key file.
var ErrPassphrase = errors.New("the passphrase does not open the key file")

// A Keyring opens the key files of a node. One passphrase opens keys/node.json,
// a random secret; from it follow the passphrases of all other files but the
// admin's, which has a passphrase of its own and is not needed to run:
//
//	keys/node.json               node secret           passphrase of the node
//	keys/log.json                Ed25519 seed          follows from the secret
//	keys/witness.json            Ed25519 seed          follows
//	keys/transport.json          Ed25519 seed          follows
//	keys/operators/<name>.json   secp256k1 key         follows
//	secrets/<name>.json          secrets of runs       follows
//	keys/admin.json              secp256k1 key         passphrase of the admin
//
// All are Web3 secret storage files (version 3), as go-ethereum writes them.
type Keyring struct {
	dir    string
	secret []byte
}

// sealedFile is the JSON of a stored secret that is not an Ethereum key.
type sealedFile struct {
	Crypto  keystore.CryptoJSON `json:"crypto"`
	Purpose string              `json:"purpose"`
	Version int                 `json:"version"`
}

// createKeyring makes keys/ and secrets/ with a fresh node secret.
func createKeyring(dir, passphrase string, s Strength) (*Keyring, error) {
	for _, d := range []string{dirKeys, filepath.Join(dirKeys, "operators"), dirSecrets} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return nil, fmt.Errorf("make key directory: %w", err)
		}
	}
	k := &Keyring{dir: dir, secret: make([]byte, 32)}
	if _, err := rand.Read(k.secret); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	return k, sealFile(filepath.Join(dir, dirKeys, "node.json"), "node secret", k.secret, passphrase, s)
}

// OpenKeyring opens the keyring of a node's directory.
func OpenKeyring(dir, passphrase string) (*Keyring, error) {
	secret, err := openFile(filepath.Join(dir, dirKeys, "node.json"), passphrase)
	if err != nil {
		return nil, err
	}
	return &Keyring{dir: dir, secret: secret}, nil
}

func sealFile(path, purpose string, data []byte, passphrase string, s Strength) error {
	c, err := keystore.EncryptDataV3(data, []byte(passphrase), s.n, s.p)
	if err != nil {
		return fmt.Errorf("seal %s: %w", path, err)
	}
	return writeJSON(path, sealedFile{Crypto: c, Purpose: purpose, Version: 3}, 0o600)
}

func openFile(path, passphrase string) ([]byte, error) {
	var f sealedFile
	if err := readJSON(path, &f); err != nil {
		return nil, err
	}
	if err := checkSealed(f.Version, f.Crypto); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	data, err := keystore.DecryptDataV3(f.Crypto, passphrase)
	if errors.Is(err, keystore.ErrDecrypt) {
		return nil, fmt.Errorf("%s: %w", path, ErrPassphrase)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return data, nil
}

// maxStretch bounds what a key file may ask of memory, as 128 bytes times n
// times r, and of time, as that p times over: the cost of Standard, and what a
// file with the same memory and p of Light takes.
const (
	maxStretchBlocks = keystore.StandardScryptN * 8
	maxStretchTimes  = keystore.LightScryptP
)

// checkSealed refuses a key file that no node has written. go-ethereum panics
// over parameters that are missing or of another type, and takes any cost.
func checkSealed(version int, c keystore.CryptoJSON) error {
	salt, isText := c.KDFParams["salt"].(string)
	_, saltErr := hex.DecodeString(salt)
	iv, ivErr := hex.DecodeString(c.CipherParams.IV)
	number := func(name string) float64 {
		v, _ := c.KDFParams[name].(float64) // as package json reads numbers
		return v
	}
	n, r, p := number("n"), number("r"), number("p")
	switch {
	case version != 3:
		return fmt.Errorf("it has the version %d, not 3", version)
	case c.KDF != "scrypt" || !isText || saltErr != nil || number("dklen") != 32:
		return errors.New("its passphrase is not stretched with scrypt to 32 bytes")
	case c.Cipher != "aes-128-ctr" || ivErr != nil || len(iv) != aes.BlockSize:
		return errors.New("it is not encrypted with aes-128-ctr")
	case n < 2 || r < 1 || p < 1 || n*r > maxStretchBlocks || p > maxStretchTimes:
		return fmt.Errorf("stretching with n %v, r %v, p %v is out of bounds", n, r, p)
	}
	return nil
}

// passphrase derives the passphrase of one file from the node secret.
func (k *Keyring) passphrase(file string) (string, error) {
	key, err := hkdf.Key(sha256.New, k.secret, nil, "suyuan/file/v1 "+file, 32)
	if err != nil {
		return "", fmt.Errorf("derive passphrase: %w", err)
	}
	return hex.EncodeToString(key), nil
}

// Seal stores secret bytes under a name relative to the node's directory.
func (k *Keyring) Seal(name string, data []byte) error {
	pass, err := k.passphrase(name)
	if err != nil {
		return err
	}
	return sealFile(filepath.Join(k.dir, name), name, data, pass, unstretched)
}

// Open returns what Seal stored.
func (k *Keyring) Open(name string) ([]byte, error) {
	pass, err := k.passphrase(name)
	if err != nil {
		return nil, err
	}
	return openFile(filepath.Join(k.dir, name), pass)
}

// newEd25519 makes and stores an Ed25519 key.
func (k *Keyring) newEd25519(name string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make %s key: %w", name, err)
	}
	return key, k.Seal(keyFile(name), key.Seed())
}

// Ed25519 opens the key with that name: log, witness or transport.
func (k *Keyring) Ed25519(name string) (ed25519.PrivateKey, error) {
	seed, err := k.Open(keyFile(name))
	if err != nil {
		return nil, err
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("the %s key has %d bytes, not %d", name, len(seed), ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

func keyFile(name string) string { return filepath.Join(dirKeys, name+".json") }

func operatorFile(name string) string { return filepath.Join(dirKeys, "operators", name+".json") }

// NewOperator makes and stores the key of an operator.
func (k *Keyring) NewOperator(name string) (*ecdsa.PrivateKey, error) {
	if err := ledger.CheckSlug(name); err != nil {
		return nil, fmt.Errorf("operator name: %w", err)
	}
	path := filepath.Join(k.dir, operatorFile(name))
	if _, err := os.Stat(path); err == nil {
		return nil, fmt.Errorf("operator %s has a key already: %s", name, path)
	}
	pass, err := k.passphrase(operatorFile(name))
	if err != nil {
		return nil, err
	}
	return newEthereumKey(path, pass, unstretched)
}

// Operators opens the keys of all operators, by name.
func (k *Keyring) Operators() (map[string]*ecdsa.PrivateKey, error) {
	files, err := filepath.Glob(filepath.Join(k.dir, dirKeys, "operators", "*.json"))
	if err != nil {
		return nil, err
	}
	keys := make(map[string]*ecdsa.PrivateKey, len(files))
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		pass, err := k.passphrase(operatorFile(name))
		if err != nil {
			return nil, err
		}
		if keys[name], err = openEthereumKey(path, pass); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// OpenAdmin opens the admin key of the member in dir.
func OpenAdmin(dir, passphrase string) (*ecdsa.PrivateKey, error) {
	return openEthereumKey(filepath.Join(dir, keyFile("admin")), passphrase)
}

func newEthereumKey(path, passphrase string, s Strength) (*ecdsa.PrivateKey, error) {
	priv, err := crypto.GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	key := &keystore.Key{Id: uuid.New(), Address: crypto.PubkeyToAddress(priv.PublicKey), PrivateKey: priv}
	data, err := keystore.EncryptKey(key, passphrase, s.n, s.p)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", path, err)
	}
	return priv, writeFile(path, data, 0o600)
}

func openEthereumKey(path, passphrase string) (*ecdsa.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open key: %w", err)
	}
	var f sealedFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%s is not a key file: %w", path, err)
	}
	if err := checkSealed(f.Version, f.Crypto); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	key, err := keystore.DecryptKey(data, passphrase)
	if errors.Is(err, keystore.ErrDecrypt) {
		return nil, fmt.Errorf("%s: %w", path, ErrPassphrase)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return key.PrivateKey, nil
}

// nonce returns 16 random bytes.
func nonce() (b [16]byte) {
	if _, err := rand.Read(b[:]); err != nil {
		panic("node: the system has no randomness: " + err.Error())
	}
	return b
}
