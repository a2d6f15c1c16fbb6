package code

// testRun is the run of the golden values.
var testRun = Run{
	GTIN:   6901234567892,
	Number: 1,
	Count:  1000,
	Secret: Secret{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31},
}
