package schedule

// ConnectState lets the tests of the vantage hold what a path's newest round showed.
type ConnectState = connectState
