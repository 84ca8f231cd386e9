/* Made by tests/golden/make_opt.py. */
static const struct golden more_golden[] = {
	{"adagrad", "adagrad", {.epsilon = 1e-10}, 0.1,
		{0.576592326f, -1.37063468f, 1.95990062f, -0.0144510325f, -0.455085427f}},
	{"adagrad with weight decay", "adagrad", {.epsilon = 1e-10, .weight_decay = 0.1}, 0.1,
		{0.524089575f, -1.26836276f, 1.78865504f, -0.0107629402f, -0.420455039f}},
	{"rmsprop", "rmsprop", {.beta2 = 0.99, .epsilon = 1e-8}, 0.01,
		{0.576004863f, -1.37025654f, 1.95866454f, -0.0138065442f, -0.455057442f}},
	{"rmsprop with momentum and weight decay", "rmsprop",
		{.momentum = 0.9, .beta2 = 0.9, .epsilon = 1e-3, .weight_decay = 0.01}, 0.02,
		{0.836524904f, -1.77627575f, 1.91873288f, -0.154022619f, -0.957408965f}},
	{"lars", "lars", {.momentum = 0.9, .weight_decay = 0.01}, 10,
		{0.558076104f, -1.28847376f, 1.93482068f, -0.0164834675f, -0.351315658f}},
};

static const struct {
	size_t rows, columns;
	float w[6];
} muon_golden[] = {
	{3, 2,
		{0.567217701f, 0.853658594f, -0.0184944215f, -0.46628677f, -0.883662079f,
			-0.0718972454f}},
	{2, 3,
		{0.955691939f, 0.589749897f, -0.548184441f, -0.413170937f, -0.914561409f,
			0.42079459f}},
};
