package drop

import "strings"

// contentType is the type of a file by the end of its name. The table is ours, so that
// every host answers alike whatever is in its /etc/mime.types. What is not in it is
// offered for download; nothing is guessed from content.
func contentType(base string) string {
	dot := strings.LastIndexByte(base, '.')
	if dot < 0 || len(base)-dot > extensionMost {
		return octets
	}
	if t, ok := contentTypes[strings.ToLower(base[dot+1:])]; ok {
		return t
	}
	return octets
}

const (
	octets        = "application/octet-stream"
	plain         = "text/plain; charset=utf-8"
	extensionMost = 12 // bytes, with the dot: no longer one is in the table
)

var contentTypes = map[string]string{
	// Text.
	"txt": plain, "text": plain, "log": plain, "conf": plain, "cfg": plain, "ini": plain, "diff": plain,
	"patch": plain, "rst": plain, "go": plain, "c": plain, "h": plain, "cc": plain, "cpp": plain, "rs": plain,
	"py": plain, "sh": plain, "sql": plain, "toml": plain, "service": plain, "sha256": plain, "sha512": plain,
	"md5": plain, "asc": plain,
	"md": "text/markdown; charset=utf-8", "csv": "text/csv; charset=utf-8", "tsv": "text/tab-separated-values; charset=utf-8",
	"htm": "text/html; charset=utf-8", "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
	"js": "text/javascript; charset=utf-8", "mjs": "text/javascript; charset=utf-8",
	"xml": "text/xml; charset=utf-8", "ics": "text/calendar; charset=utf-8", "vcf": "text/vcard; charset=utf-8",
	"vtt": "text/vtt; charset=utf-8", "yaml": "application/yaml", "yml": "application/yaml",
	"json": "application/json", "jsonl": "application/jsonl", "ndjson": "application/x-ndjson",
	"xhtml": "application/xhtml+xml", "wasm": "application/wasm",
	// Documents.
	"pdf": "application/pdf", "ps": "application/postscript", "rtf": "application/rtf", "epub": "application/epub+zip",
	"doc": "application/msword", "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint",
	"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	"odt":  "application/vnd.oasis.opendocument.text", "ods": "application/vnd.oasis.opendocument.spreadsheet",
	"odp": "application/vnd.oasis.opendocument.presentation",
	// Pictures.
	"png": "image/png", "apng": "image/apng", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif",
	"webp": "image/webp", "avif": "image/avif", "svg": "image/svg+xml", "ico": "image/vnd.microsoft.icon",
	"bmp": "image/bmp", "tif": "image/tiff", "tiff": "image/tiff", "heic": "image/heic", "jxl": "image/jxl",
	// Sound and film.
	"mp3": "audio/mpeg", "m4a": "audio/mp4", "aac": "audio/aac", "ogg": "audio/ogg", "oga": "audio/ogg",
	"opus": "audio/ogg", "flac": "audio/flac", "wav": "audio/wav", "weba": "audio/webm",
	"mp4": "video/mp4", "m4v": "video/mp4", "webm": "video/webm", "ogv": "video/ogg", "mov": "video/quicktime",
	"mkv": "video/matroska", "avi": "video/x-msvideo", "mpg": "video/mpeg", "mpeg": "video/mpeg",
	"ts": "video/mp2t", "m3u8": "application/vnd.apple.mpegurl",
	// Letters.
	"woff": "font/woff", "woff2": "font/woff2", "ttf": "font/ttf", "otf": "font/otf",
	// Archives and packages.
	"zip": "application/zip", "gz": "application/gzip", "tgz": "application/gzip", "bz2": "application/x-bzip2",
	"xz": "application/x-xz", "zst": "application/zstd", "7z": "application/x-7z-compressed", "tar": "application/x-tar",
	"rar": "application/vnd.rar", "jar": "application/java-archive", "deb": "application/vnd.debian.binary-package",
	"rpm": "application/x-rpm", "apk": "application/vnd.android.package-archive", "torrent": "application/x-bittorrent",
	"iso": octets, "img": octets, "bin": octets,
}
