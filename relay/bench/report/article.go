package report

// Published is what the article "Efficient data transfer through zero copy" (Sathish K.
// Palaniappan and Pramod B. Nagaraja, IBM developerWorks, 2008) has for a size, beside
// what was measured here. Its program is Java's, its transferTo is sendfile.
type Published struct {
	Bytes         int64    `json:"bytes"`
	CopyMS        float64  `json:"article_read_write_ms"`
	TransferMS    float64  `json:"article_transfer_to_ms"`
	HereCopyMS    *float64 `json:"here_read_write_ms"`
	HereSendMS    *float64 `json:"here_sendfile_ms"`
	HereSpliceMS  *float64 `json:"here_splice_ms"`
	HereMappingMS *float64 `json:"here_mmap_ms"`
}

var published = []Published{
	{Bytes: 7e6, CopyMS: 156, TransferMS: 45},
	{Bytes: 21e6, CopyMS: 337, TransferMS: 128},
	{Bytes: 63e6, CopyMS: 843, TransferMS: 387},
	{Bytes: 98e6, CopyMS: 1320, TransferMS: 617},
	{Bytes: 200e6, CopyMS: 2124, TransferMS: 1150},
	{Bytes: 350e6, CopyMS: 3631, TransferMS: 1762},
	{Bytes: 700e6, CopyMS: 13498, TransferMS: 4422},
	{Bytes: 1e9, CopyMS: 18399, TransferMS: 8537},
}

// beside puts the article's sizes that were measured beside it.
func beside(d *Document) []Published {
	all := []Published{}
	for _, p := range published {
		p.HereCopyMS = d.wallOf("send/read+write-64KiB", p.Bytes)
		p.HereMappingMS = d.wallOf("send/mmap", p.Bytes)
		p.HereSendMS = d.wallOf("send/sendfile", p.Bytes)
		p.HereSpliceMS = d.wallOf("send/splice", p.Bytes)
		if p.HereCopyMS != nil || p.HereMappingMS != nil || p.HereSendMS != nil || p.HereSpliceMS != nil {
			all = append(all, p)
		}
	}
	return all
}

func (d *Document) wallOf(method string, bytes int64) *float64 {
	if r := d.atBase(method, bytes); r != nil {
		return &r.Wall.Median
	}
	return nil
}
