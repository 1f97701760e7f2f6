package schedule

// Names for the tests in package schedule_test.
type (
	Vantage      = vantage
	ConnectState = connectState
)

var NewVantage = newVantage
