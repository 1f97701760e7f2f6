package mailflow

// UnreadRecord lists the values of a record in an export that cannot be read. They count as unknown, and checks that
// need them are skipped. It never contains the values themselves.
type UnreadRecord struct {
	File      string    // the export
	Record    int       // its number in the file, from 1
	Direction Direction // of a connector; "" for an accepted domain
	Name      string    // of the connector or domain; "" if it cannot be read, and the record is left out
	Values    []UnreadValue
}

// UnreadValue is a property that cannot be read, or not all of it.
type UnreadValue struct {
	Property string // in snake_case
	Place    string // of the first value in the record, such as SmartHosts[0]
	Kind     string // what that value is: text, a list, …
	Problem  string // what it must be
	Count    int    // how many values of the property cannot be read
}
