package upstream

import (
	"net/netip"

	"relay/config"
)

// The hash of source_hash is the same in every process and every version of relay:
// machines that share clients must agree on it. It is FNV-1a of 64 bits (RFC 9923)
// with the finalizer of MurmurHash3 behind it, which spreads what differs in the last
// byte over all bits. It keeps nobody from choosing addresses that collide; a client
// that does only picks a backend for itself.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// hashOf is the hash of what hash_key asks for.
func hashOf(key config.HashKey, client netip.AddrPort, sni string) uint64 {
	if key == config.HashSNI && sni != "" {
		return hashText(sni)
	}
	ip := client.Addr().As16() // IPv4 has a place of its own in it
	h := uint64(fnvOffset)
	for _, c := range ip {
		h = (h ^ uint64(c)) * fnvPrime
	}
	if key == config.HashSourcePort {
		h = (h ^ uint64(client.Port()>>8)) * fnvPrime
		h = (h ^ uint64(client.Port()&0xff)) * fnvPrime
	}
	return mix(h)
}

func hashText(s string) uint64 {
	h := uint64(fnvOffset)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return mix(h)
}

// mix is fmix64 of MurmurHash3.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
