package relay

import "relay/config"

// needRestart names the keys that differ from what the process started with and cannot
// change while it runs.
func needRestart(was, is *config.Config) []string {
	var keys []string
	differs := func(key string, changed bool) {
		if changed {
			keys = append(keys, key)
		}
	}
	differs("engine.loops", was.Engine.Loops != is.Engine.Loops)
	differs("engine.copy_chunk", was.Engine.CopyChunk != is.Engine.CopyChunk)
	differs("engine.pipe_size", was.Engine.PipeSize != is.Engine.PipeSize)
	differs("engine.pipe_budget", was.Engine.PipeBudget != is.Engine.PipeBudget)
	differs("log.format", was.Log.Format != is.Log.Format)
	differs("admin.token_file", was.Admin.Guarded() && was.Admin.Listen == is.Admin.Listen && was.Admin.TokenFile != is.Admin.TokenFile)
	for i := range is.Listeners {
		s := &is.Listeners[i].Service
		differs("listener."+s.Name+": options of its sockets", socketsDiffer(servicesOf(was), s))
	}
	for i := range is.Drops {
		s := &is.Drops[i].Service
		differs("drop."+s.Name+": options of its sockets", socketsDiffer(servicesOf(was), s))
	}
	return keys
}

func servicesOf(c *config.Config) []*config.Service {
	var all []*config.Service
	for i := range c.Listeners {
		all = append(all, &c.Listeners[i].Service)
	}
	for i := range c.Drops {
		all = append(all, &c.Drops[i].Service)
	}
	return all
}

// socketsDiffer reports that a socket which is kept was opened with other options.
func socketsDiffer(was []*config.Service, is *config.Service) bool {
	for _, w := range was {
		same := w.Sockets == is.Sockets && w.Backlog == is.Backlog && w.DeferAccept == is.DeferAccept
		for _, a := range w.Listen {
			for _, b := range is.Listen {
				if a == b && !same {
					return true
				}
			}
		}
	}
	return false
}
