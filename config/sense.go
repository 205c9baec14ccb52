package config

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
	if len(h.Expect) > AnswerMost {
		w.mistake(at.at("expect"), "%d bytes can never come: %s of an answer are looked at", len(h.Expect), formatSize(AnswerMost))
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
