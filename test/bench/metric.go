package main

import (
	"errors"
	"fmt"
	"time"
)

// metric is one number that a measurement yields.
type metric struct {
	key    string // in the JSON
	unit   string // in tables and on charts
	higher bool   // more is better
}

var (
	gigabytesRate = metric{"gb_per_s", "GB/s", true}
	cpuPerGB      = metric{"cpu_ms_per_gb", "CPU ms/GB", false}
	requestRate   = metric{"requests_per_s", "requests/s", true}
	cpuPerRequest = metric{"cpu_us_per_request", "CPU µs/request", false}
	latencyMedian = metric{"p50_us", "p50 µs", false}
	latencyTail   = metric{"p99_us", "p99 µs", false}
	shortRate     = metric{"connections_per_s", "connections/s", true}
	cpuPerShort   = metric{"cpu_us_per_connection", "CPU µs/connection", false}
	sessionMemory = metric{"bytes_per_session", "bytes/session", false}
)

// numbers is what one measurement found, by the metric's key.
type numbers map[string]float64

const gigabyte = 1e9

// errNoCPU guards against reading the wrong process.
var errNoCPU = errors.New("the peer did its work without any CPU time: not the right process")

// streaming is the numbers of a window in which bytes were moved.
func streaming(w measured, proxied bool) (numbers, error) {
	if w.Bytes == 0 {
		return nil, fmt.Errorf("not a byte arrived in %v", w.Elapsed)
	}
	n := numbers{gigabytesRate.key: float64(w.Bytes) / gigabyte / w.Elapsed.Seconds()}
	if proxied && w.CPU <= 0 {
		return nil, errNoCPU
	}
	if proxied {
		n[cpuPerGB.key] = milliseconds(w.CPU) / (float64(w.Bytes) / gigabyte)
	}
	return n, nil
}

// counting is the numbers of a window in which something was counted.
func counting(w measured, proxied bool, rate, cpu metric) (numbers, error) {
	if w.Count == 0 {
		return nil, fmt.Errorf("nothing was completed in %v", w.Elapsed)
	}
	n := numbers{rate.key: float64(w.Count) / w.Elapsed.Seconds()}
	if proxied && w.CPU <= 0 {
		return nil, errNoCPU
	}
	if proxied {
		n[cpu.key] = microseconds(w.CPU) / float64(w.Count)
	}
	return n, nil
}

// slope is the memory of one more session.
func slope(readings []idleReading) (numbers, error) {
	if len(readings) != 2 {
		return nil, fmt.Errorf("%d readings of memory, want 2", len(readings))
	}
	few, many := readings[0], readings[1]
	return numbers{
		sessionMemory.key: float64(many.Anonymous-few.Anonymous) / float64(many.Sessions-few.Sessions),
	}, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
