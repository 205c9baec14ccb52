package config

// Default is what holds when a file says nothing: no service, and the engine as it is
// without a key.
func Default() *Config { return defaults() }
