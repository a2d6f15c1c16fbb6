package node

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// What stands in a node's directory.
const (
	fileConfig   = "config.toml"
	fileMember   = "member.json"
	fileCharter  = "charter.json"         // version 1
	fileCharters = "charters.json"        // all versions, once there is more than one
	fileSigned   = "charters-signed.json" // which charter of each version was signed here
	fileTokens   = "tokens.json"
	fileSocket   = "node.sock"
	filePeers    = "peers"   // what peers have done that a restart must not excuse
	fileJournal  = "journal" // below dirImports
	dirKeys      = "keys"    // 0700
	dirSecrets   = "secrets" // 0700
	dirLedger    = "ledger"
	dirBlobs     = "blobs"
	dirIndex     = "index"
	dirImports   = "imports"  // 0700
	dirCaptures  = "captures" // below dirImports, 0700
	dirClaims    = "claims"   // 0700: wrong tries of second codes

	// Below dirIndex:
	dirEvents  = "events" // Badger's
	dirRoots   = "roots"  // block roots of packs
	fileClocks = "clocks" // which chains' clocks disagreed
	dirWanted  = "wanted" // one file for each attachment that is still to be fetched
)

// SocketPath is where a running node listens for commands on its machine.
func SocketPath(dir string) string { return filepath.Join(dir, fileSocket) }

// writeFile writes a file so that after a crash there is either the old or the
// new content: a temporary file in the same directory, fsynced, renamed, and
// the directory fsynced.
func writeFile(path string, data []byte, mode os.FileMode) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(tmp.Name()) // gone already after the rename
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Chmod(mode)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func writeJSON(path string, v any, mode os.FileMode) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return writeFile(path, append(data, '\n'), mode)
}

func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
