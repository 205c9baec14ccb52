// Package digest reads and writes the digests of files in HTTP fields, and computes them.
//
// Repr-Digest, Content-Digest and Want-Repr-Digest are RFC 9530's; Digest is the older
// RFC 3230's. Three algorithms are known: sha-256 and sha-512 by those names, and
// xxh3-128, a name of our own for the 128-bit XXH3 with its 16 bytes in big-endian order.
// XXH3 finds damage at the speed of memory; who fears tampering asks for SHA-2.
//
// The package knows no connection and no file; it stands apart from package drop because
// whatever sends or keeps files needs it as well.
package digest
