package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
)

// secretPrefix begins every secret, so that people and scanners see what it is.
const secretPrefix = "relay_"

// New makes a token: the secret, which is told once, and the line for the file.
func New(name string, rights Rights, prefix string) (secret, line string, err error) {
	if name == "" || name == anyone || strings.ContainsFunc(name, odd) {
		return "", "", fmt.Errorf("%q is no name for a token; write letters, digits, '.', '_', '@' and '-'", name)
	}
	clean, err := ParsePrefix(prefix)
	if err != nil {
		return "", "", err
	}
	if clean != "" {
		clean += "/"
	}
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails
	secret = secretPrefix + base64.RawURLEncoding.EncodeToString(raw[:])
	hash := sha256.Sum256([]byte(secret))
	return secret, fmt.Sprintf("%s  %s  /%s  %s%s\n", name, rights, clean, hashPrefix, hex.EncodeToString(hash[:])), nil
}

func odd(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("._@-", r):
		return false
	}
	return true
}

// Append adds a line to a file, which is made for its owner alone if it is not there.
func Append(path, line string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if size := info.Size(); size > 0 {
		var last [1]byte
		if _, err := f.ReadAt(last[:], size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			line = "\n" + line
		}
	}
	if _, err := f.WriteString(line); err != nil {
		return err
	}
	return f.Sync()
}
