module splashdam-example

go 1.19
