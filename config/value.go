package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// shown is how much of a value a message repeats.
const shown = 120

// quote is a text of the file as messages repeat it.
func quote(s string) string {
	if len(s) > shown {
		s = strings.ToValidUTF8(s[:shown], "") + "…"
	}
	return strconv.Quote(s)
}

// literal is a simple value as the file spells it; others are described.
func literal(v any) string {
	switch v := v.(type) {
	case string:
		return quote(v)
	case bool, int64, float64:
		return fmt.Sprint(v)
	}
	return describe(v)
}

// describe names a value of the wrong type.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		return "the text " + quote(v)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return "the number " + strconv.FormatInt(v, 10)
	case float64:
		return "the number " + strconv.FormatFloat(v, 'g', -1, 64)
	case tree:
		return "a table"
	case []any, []tree:
		return "an array"
	}
	return "a date or time"
}

func yesNo(v any) (bool, error) {
	b, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("%s is neither true nor false; write one of them, without quotes", describe(v))
	}
	return b, nil
}

func integer(least, most int64) func(any) (int, error) {
	return func(v any) (int, error) {
		n, ok := v.(int64)
		if !ok {
			return 0, fmt.Errorf("%s is not a whole number; write one from %d to %d, without quotes", describe(v), least, most)
		}
		if n < least || n > most {
			return 0, fmt.Errorf("%d is out of range; write a number from %d to %d", n, least, most)
		}
		return int(n), nil
	}
}

// zeroOr is a whole number within bounds, or 0, which switches off what it is for.
func zeroOr(least, most int64) func(any) (int, error) {
	within := integer(least, most)
	return func(v any) (int, error) {
		if v == int64(0) {
			return 0, nil
		}
		n, err := within(v)
		if err != nil {
			return 0, fmt.Errorf("%w, or 0 for off", err)
		}
		return n, nil
	}
}

// choice is one of a few words; V counts them in the order of names.
func choice[V ~uint8](names []string) func(any) (V, error) {
	find := word(names)
	return func(v any) (V, error) {
		s, err := find(v)
		return V(max(0, slices.Index(names, s))), err
	}
}

func word(names []string) func(any) (string, error) {
	return func(v any) (string, error) {
		s, ok := v.(string)
		switch {
		case !ok:
			return "", fmt.Errorf("%s is not a text; write %s", describe(v), alternatives(names))
		case slices.Contains(names, s):
			return s, nil
		}
		return "", fmt.Errorf("%s is not among the choices; write %s", quote(s), alternatives(names))
	}
}

func alternatives(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = strconv.Quote(n)
	}
	last := len(quoted) - 1
	if last == 0 {
		return quoted[0]
	}
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

// nameMax keeps names fit for a column of a table and a label of a metric.
const nameMax = 64

func name(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s is not a text; write a name like \"web\"", describe(v))
	}
	odd := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
	}
	if s == "" || len(s) > nameMax || strings.ContainsFunc(s, odd) {
		return "", fmt.Errorf("%s is not a name; write 1 to %d of the letters a-z and A-Z, digits, '.', '_' and '-'", quote(s), nameMax)
	}
	return s, nil
}

// directory is a path that no system call would refuse for its form.
func directory(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s is not a text; write the path of a directory", describe(v))
	}
	if s == "" || strings.ContainsRune(s, 0) {
		return "", fmt.Errorf("%s is not a path; write that of a directory", quote(s))
	}
	return s, nil
}

// tokenFile is the path of a file that need not be there.
func tokenFile(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s is not a text; write the path of a file", describe(v))
	}
	if s == "" || strings.ContainsRune(s, 0) {
		return "", fmt.Errorf("%s is not a path; write that of a file", quote(s))
	}
	return s, nil
}
