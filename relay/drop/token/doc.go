// Package token knows who may do what in a drop: secrets that clients show, and the
// rights and the part of the directory that each of them opens.
//
// A file holds them, one a line, hashed, so that who reads the file cannot use them:
//
//	# name  rights      prefix  hash
//	alice   read,write  /in/    sha256:5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5
//	*       read,list   /pub/   -
//
// A name may have several lines. The name "*" is for those who show no token. Secrets are
// 32 random bytes, which no dictionary holds, so one round of SHA-256 is hash enough.
//
// The package knows no HTTP and no directory; it stands apart from package drop because
// the command line makes tokens. Start with set.go.
package token
