package listen

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/pires/go-proxyproto"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// tlvHead is what stands before the value of a TLV: its type and its length.
const tlvHead = 3

// checkSum compares a version 2 header with the CRC32C it carries, if it carries one:
// the sum over the whole header with the four bytes of the sum itself as zero.
func checkSum(header []byte) error {
	at := checksumAt(header)
	if at < 0 {
		return nil
	}
	if at+crc32.Size > len(header) || binary.BigEndian.Uint16(header[at-2:]) != crc32.Size {
		return ErrChecksum
	}
	if binary.BigEndian.Uint32(header[at:]) != sumWithout(header, at) {
		return ErrChecksum
	}
	return nil
}

// Seal writes the CRC32C into a version 2 header that has room for it, a TLV of that
// type.
func Seal(header []byte) {
	if at := checksumAt(header); at >= 0 && at+crc32.Size <= len(header) {
		binary.BigEndian.PutUint32(header[at:], sumWithout(header, at))
	}
}

// checksumAt is where the value of the checksum stands, or -1.
func checksumAt(header []byte) int {
	if len(header) < v2Fixed || header[0] != proxyproto.SIGV2[0] {
		return -1
	}
	for at := v2Fixed + addressBytes(header[v2Family]); at+tlvHead <= len(header); {
		if header[at] == byte(proxyproto.PP2_TYPE_CRC32C) {
			return at + tlvHead
		}
		at += tlvHead + int(binary.BigEndian.Uint16(header[at+1:]))
	}
	return -1
}

// addressBytes is how long the addresses are that stand before the TLVs.
func addressBytes(family byte) int {
	switch f := proxyproto.AddressFamilyAndProtocol(family); {
	case f.IsIPv4():
		return 2*4 + 2*2
	case f.IsIPv6():
		return 2*16 + 2*2
	case f.IsUnix():
		return 2 * 108
	}
	return 0
}

func sumWithout(header []byte, at int) uint32 {
	var none [crc32.Size]byte
	sum := crc32.Update(0, castagnoli, header[:at])
	sum = crc32.Update(sum, castagnoli, none[:])
	return crc32.Update(sum, castagnoli, header[at+crc32.Size:])
}
