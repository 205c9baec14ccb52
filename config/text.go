package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// text is any text; the escapes of TOML write what has no letter ("PING\\r\\n").
func text(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s is not a text; put it in quotes", describe(v))
	}
	return s, nil
}

// line is a text that fits into the head of a request.
func line(v any) (string, error) {
	s, err := text(v)
	if err == nil && strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		err = fmt.Errorf("%s has a space or a control character in it; write a name like \"www.example.org\"", quote(s))
	}
	return s, err
}

func httpPath(v any) (string, error) {
	s, err := text(v)
	if err == nil && (!strings.HasPrefix(s, "/") || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })) {
		err = fmt.Errorf("%s is not the path of a page; write it like \"/healthz\"", quote(s))
	}
	return s, err
}

func regularExpression(v any) (string, error) {
	s, err := text(v)
	if err != nil {
		return "", err
	}
	if _, err := regexp.Compile(s); err != nil {
		return "", fmt.Errorf("%s is not a regular expression: %s", quote(s), oneLine(strings.TrimPrefix(err.Error(), "error parsing regexp: ")))
	}
	return s, nil
}

// statusRange is an HTTP status, 204 or "204", or a range of them, "200-399".
func statusRange(v any) (StatusRange, error) {
	s, ok := v.(string)
	if n, isInt := v.(int64); isInt {
		s, ok = strconv.FormatInt(n, 10), true
	}
	from, to, isRange := strings.Cut(s, "-")
	if !isRange {
		to = from
	}
	var r StatusRange
	var a, b error
	r.From, a = strconv.Atoi(from)
	r.To, b = strconv.Atoi(to)
	if !ok || a != nil || b != nil || r.From < 100 || r.To > 599 || r.From > r.To {
		return StatusRange{}, fmt.Errorf("%s is not an HTTP status; write it like 200 or \"200-399\"", literal(v))
	}
	return r, nil
}
