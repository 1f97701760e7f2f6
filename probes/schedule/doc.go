// Package schedule decides when a path is probed. It knows paths and results, and nothing of SMTP.
//
// [Runner] keeps one heap of due times and one goroutine that sleeps until the earliest; a path costs a goroutine only while
// it is probed. Rounds of one path never overlap, whoever asks for them. [Limiter] keeps the connections polite, [MessageBudget]
// the test messages rare, and [Vantage] tells a broken world from a broken place in it.
package schedule
