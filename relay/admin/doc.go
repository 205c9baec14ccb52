// Package admin is what people and programs watch and steer relay with: a status page,
// a JSON API, and Prometheus metrics, served by net/http on goroutines, off the loops.
//
// It knows what it shows as plain data (model.go) and gets it, and has things done,
// through the functions of a Relay, which package relay provides. It never touches a
// loop: whoever fills in those functions posts to the loops and waits.
//
// Who may do what is decided in one place, access.go, before any route is looked at:
//
//	unix socket   whoever the file's mode lets in may do everything
//	loopback      whoever is on this machine may read; changes need the token
//	elsewhere     everything needs the token
//
// Requests that change something need the header X-Relay, which a form of a foreign page
// cannot send, and a Host that is an address or a name of this machine, which a name
// rebound by a foreign page is not.
//
// Start with admin.go, then routes.go; the page is in page/.
package admin
