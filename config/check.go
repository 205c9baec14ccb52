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

// checkUpstreamSense finds keys of an upstream that do nothing as they stand, which is
// hardly what is meant.
func checkUpstreamSense(w *walk, at place, u *Upstream) {
	if u.Balance != SourceHash {
		if u.Hash != HashSource {
			w.mistake(at.at("hash_key"), "has a meaning with balance = \"source_hash\" only; write that too, or leave this out")
		}
		if u.HashFactor != 0 {
			w.mistake(at.at("hash_balance_factor"), "has a meaning with balance = \"source_hash\" only; write that too, or leave this out")
		}
	}
	if u.OnDown == ResetSessions && u.HealthCheck == nil {
		w.mistake(at.at("on_down"), "without an [upstream.health_check] no backend ever goes down; write one below")
	}
	if e := u.Ejection; e != nil && e.TimeMax < e.Time {
		w.mistake(at.at("ejection").inside().at("time_max"), "%q is shorter than time, %q; write at least that", e.TimeMax, e.Time)
	}
	if h := u.HealthCheck; h != nil {
		checkHealthSense(w, at.at("health_check").inside(), h)
	}
}

func checkHealthSense(w *walk, at place, h *HealthCheck) {
	if h.Type == CheckExpect && h.Expect == "" && h.ExpectRegexp == "" {
		w.mistake(at, "type = \"expect\" expects nothing yet; write expect = \"+PONG\" or expect_regexp = \"^2..\"")
	}
	if h.Expect != "" && h.ExpectRegexp != "" {
		w.mistake(at.at("expect_regexp"), "there is an expect already; write one of the two")
	}
	only := func(key string, set bool, types ...Check) {
		for _, t := range types {
			set = set && h.Type != t
		}
		if set {
			w.mistake(at.at(key), "has no meaning with type = %q; that key is for %q", h.Type, types[0])
		}
	}
	only("host", h.Host != "", CheckHTTP, CheckTLS)
	only("path", h.Path != "/", CheckHTTP)
	only("status", len(h.Status) > 0, CheckHTTP)
	only("send", h.Send != "", CheckExpect)
	only("expect", h.Expect != "", CheckExpect)
	only("expect_regexp", h.ExpectRegexp != "", CheckExpect)
}
