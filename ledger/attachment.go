package ledger

import (
	"crypto/sha256"
	"io"
)

// checkAttachment reads a stored file and compares it with its name.
func checkAttachment(a Attachment) error {
	r, err := a.Open()
	if err != nil {
		return because(CodeUnreadable, err, "open attachment")
	}
	defer r.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return because(CodeUnreadable, err, "read attachment")
	}
	if Hash(sum.Sum(nil)) != a.Digest {
		return wrong(CodeAttachment, "the content has the digest %x", sum.Sum(nil))
	}
	return nil
}
