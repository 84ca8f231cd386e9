/*
 * method: how a network learns. A method is a record; its build() says, through the calls below,
 * which fields of the stream it reads, which networks it has, which losses it lowers (phases) and
 * what else must be kept from step to step (state); cv-train holds the only loop (train.h) and asks
 * nothing else. To add one: one file here that ends in its struct method, one line in method.def.
 */
#ifndef CVT_METHOD_H
#define CVT_METHOD_H

#include "../cli.h"
#include "../net.h"
#include "../opt/opt.h"

enum {
	METHOD_INPUTS = 16,
	METHOD_NETS = 8,
	METHOD_STATES = 8,
	METHOD_PHASES = 4,
	METHOD_KEEP = 16,
	METHOD_SCORES = 8,
	METHOD_WATCHED = 8,
	METHOD_OPTIONS = 16,
	METHOD_HEADS = 8,
};

/* An option of its own (--alpha F); joins the table of the command. */
struct method_option {
	const char *name, *arg, *help;
	enum cli_type type; /* CLI_FLAG, CLI_COUNT, CLI_REAL, CLI_TEXT or CLI_MANY */
	double value;       /* default of CLI_COUNT and CLI_REAL */
};

struct method_value {
	bool given, flag;
	size_t count;
	double real;
	const char *text;
	struct cli_many many;
};

/* What is to be learned from which field: --head FIELD:LOSS[:WEIGHT][@STAGE]. */
struct method_head {
	char field[FIELD_NAME], loss[32],
		stage[256]; /* stage "" = one called FIELD, else the output */
	double weight;
};

/* A field of the stream. */
struct method_field {
	char name[FIELD_NAME];
	enum dtype dtype;
	unsigned flags;
	struct shape row;
	size_t classes; /* as HEAD names them; 0 = none */
};

/* As cross-entropy's argument has them. */
enum class_weighting { CLASS_WEIGHT_NONE, CLASS_WEIGHT_GIVEN, CLASS_WEIGHT_BALANCED };

/* What a method may know before it builds: the command fills it. */
struct method_facts {
	const struct arch *arch;
	size_t nfields;
	const struct method_field *field;
	size_t classes; /* of `label`, or of the first head's field; 0 = not a class */
	const char *const *class_name; /* NULL, or `classes` names (NULL where unnamed) */
	double mean[4], std[4];        /* of the picture after /255, a channel */
	double label_smoothing;
	enum class_weighting class_weighting; /* of cross-entropy; the loss holds the weights */
	size_t nheads;
	struct method_head head[METHOD_HEADS];
	const struct method_value *value; /* as method->options */
	struct opt_config opt;
	bool bf16;         /* graph.bf16 */
	size_t max_memory; /* graph.most */
	/* A network from a model file, in a graph of its own, loaded and frozen: it takes the
	 * field of the stream that node *input is called after and gives logits at *output; output
	 * k of our K is its output (*order)[k], which the caller frees. The command knows files; we
	 * do not. */
	void *context;
	int (*teacher)(void *context, const char *file, size_t K, struct graph **g, size_t *input,
		size_t *output, size_t **order, struct cvt_err *e);
};

/* Nodes of a trained network that makes pictures. GRAPH_NONE = it has no such thing. */
struct generator {
	size_t noise;   /* an input: D standard normal numbers a row */
	size_t label;   /* an input: a class number a row, i4 */
	size_t picture; /* (H,W,C) in 0..1, made of these two */
	size_t code;    /* what `noise` would be to make the row's own picture */
	/* A bound of the likelihood: one draw from the posterior of the row's own picture says
	 * log_weight (nn/log_weight.c); draws differ by run.step. The second is an input that takes
	 * what the first gave, so that one run of the encoder serves many draws. */
	size_t posterior, posterior_in, log_weight;
};

struct learner;
struct score_sum {
	double sum, count;
};

struct method {
	const char *name, *help;
	struct method_option options[METHOD_OPTIONS]; /* ends with a NULL name */
	struct {
		const char *name;    /* "accuracy" */
		bool higher;         /* is better */
	} score_name[METHOD_SCORES]; /* the first one decides which epoch was best; none = the loss
				      */
	/* What trains well when nothing is said: the usual rate times this (0 = 1); the longest
	 * gradient (0 = any). */
	double lr_factor, clip_norm;
	/* Optimizer, its rate and beta 1, schedule; NULL, 0 = the usual ones. */
	const char *opt, *sched;
	double lr, beta1;
	/* `label` need not count the classes of the data: it only says which rows are alike. */
	bool own_classes;
	bool unlabelled; /* learns without labels: nobody asks how many classes there are */
	int (*build)(struct learner *l, struct cvt_err *e);
	/* Allocates what needs the number of rows; after all plans exist. May be NULL, as those
	 * below. */
	int (*prepare)(struct learner *l, struct cvt_err *e);
	/* Instead of phases: learns from all rows at once (k-means, PCA), which the loop has held. */
	int (*fit)(struct learner *l, const struct batch *rows, const struct run *run,
		struct cvt_err *e);
	/* Before a step on these rows (noise, targets, schedule values); x is the share of the
	 * training that lies behind. Also before rows are scored: run->train is false then. */
	void (*before)(struct learner *l, struct plan *p, const struct batch *rows,
		const struct run *run, double x);
	/* After the update of the weights (queues, centres). */
	void (*after)(struct learner *l, const struct batch *rows, const struct run *run);
	void (*epoch_end)(struct learner *l, size_t epoch);
	/* Adds the rows just run to a sum for each score; values through plan_value of kept nodes.
	 */
	void (*score)(const struct learner *l, const struct plan *p, const struct batch *rows,
		struct score_sum *sum);
	/* For cv-gen, instead of build(): what makes pictures. NULL = nothing does. */
	int (*generate)(struct learner *l, struct generator *to, struct cvt_err *e);
	/* After sum / count: what is no mean over rows (a root, mean IoU from the tally). */
	void (*conclude)(const struct learner *l, double score[METHOD_SCORES]);
	void (*close)(struct learner *l);
	const char *target; /* the field learned when nothing is said; NULL = `label` */
	bool heads;         /* it learns what --head says */
};

extern const struct method *const methods[]; /* in the order of method.def, NULL-terminated */
const struct method *method_find(const char *name, struct cvt_err *e);

struct learner_input {
	char field[FIELD_NAME];
	size_t node;
};

struct learner_net {
	const char *name; /* of the text's `net`; NULL = the first */
	struct net net;
};

/* Named numbers without gradient that are saved with the checkpoint as state.NAME. */
struct learner_state {
	const char *name;
	int ndim;
	size_t dims[4], items;
	float *data;
};

/* A score as --metrics calls it: the record's, then those that build() adds. */
struct learner_score {
	char name[FIELD_NAME + 20];
	bool higher; /* is better */
};

/* A learned number that --metrics reports. */
struct learner_watched {
	char name[FIELD_NAME + 20];
	size_t param;
};

/* A loss, the parameters that it trains, and how. */
struct learner_phase {
	const char *name; /* "" when there is only one */
	size_t loss;
	bool *trains; /* per parameter of the graph; NULL in build() = all */
	bool *wants;  /* that, without regard to what is frozen */
	/* A node whose value before() of the next phase and score() read; GRAPH_NONE. It is gone when that phase
	 * runs: the values of all phases lie in the same memory. */
	size_t keep;
	size_t period; /* every so many steps; 1 */
	double lr_scale;
	struct plan *plan;
	float *state[OPT_STATES]; /* slabs like the graph's weights */
	uint64_t t;               /* updates so far */
	uint64_t thawed;          /* those before --unfreeze-at; 0 = it has not come */
};

struct learner {
	const struct method *method;
	const struct method_facts *facts;
	struct graph *graph;
	size_t ninputs, nnets, nstates, nphases, nkeep;
	struct learner_input input[METHOD_INPUTS];
	struct learner_net net[METHOD_NETS];
	size_t kept; /* how many of the nets the model file holds: the first 1, unless build() says */
	struct learner_state state[METHOD_STATES];
	struct learner_phase phase[METHOD_PHASES];
	size_t keep[METHOD_KEEP]; /* nodes that score() and the hooks read */
	size_t nscores, nwatched;
	struct learner_score score[METHOD_SCORES];
	struct learner_watched watched[METHOD_WATCHED];
	/* What score() counts for conclude(); 0 when an epoch or a validation begins. */
	size_t ntally;
	double *tally;
	size_t val_loss;   /* the loss that validation reports; GRAPH_NONE = the first phase's */
	struct plan *eval; /* forward only */
	const struct plan *
		lender; /* the phase's in whose memory the others' values lie; NULL = there is none */
	size_t rows;    /* of the largest batch */
	struct par *par;
	bool *thaws; /* per parameter: frozen by learner_freeze; NULL = none is */
	/* For the step whose before() sets it: run.apart. */
	const int32_t *apart;
	const char *asks_length; /* the option that must know how long the training is; NULL */
	size_t head_classes[METHOD_HEADS]; /* how many each head tells apart; 0 = not classes */
	void *own;                         /* the method's */
};

/* ---- for build() ------------------------------------------------------------------- */

/* A field of the stream as a node; the same node when it is asked for again. CVT_INPUT, saying how
 * to get one, when there is no such field, or rows have different sizes. */
int method_input(struct learner *l, const char *field, size_t *node, struct cvt_err *e);
/* NULL when the stream has no such field. */
const struct method_field *method_field(const struct learner *l, const char *name);
/* The text's net of that name (NULL = the first) on the fields that its input statements name,
 * pictures normalised. */
int method_net(struct learner *l, const char *name, const struct net **net, struct cvt_err *e);
/* The same without what follows the embedding. */
int method_body(struct learner *l, const char *name, const struct net **net, struct cvt_err *e);
/* A field as a network wants it: pictures normalised, other numbers as they are. */
int method_picture(struct learner *l, const char *field, size_t *node, struct cvt_err *e);
/* A net on any nodes: another view (the same names share their parameters), views stacked into one
 * batch, what another net gave, noise. `headless` leaves out what follows the embedding. */
int method_net_on(
	struct learner *l, const struct net_spec *s, const struct net **net, struct cvt_err *e);
/* A loss to lower, by everything that is not frozen. NAME is "" for the only one. */
int method_phase(struct learner *l, const char *name, size_t loss, struct learner_phase **phase,
	struct cvt_err *e);
/* The phase trains this net's parameters, and those of the nets said before, only. After the last
 * net was built. */
int method_trains(
	struct learner *l, struct learner_phase *p, const struct net *net, struct cvt_err *e);
int method_keep(struct learner *l, size_t node, struct cvt_err *e);
int method_state(struct learner *l, const char *name, int ndim, const size_t *dims, float **data,
	struct cvt_err *e);
/* Adds a score to the record's; score() and conclude() find it at that place. */
int method_score(
	struct learner *l, const char *name, bool higher, size_t *place, struct cvt_err *e);
/* Room in the tally from *first on. */
int method_tally(struct learner *l, size_t n, size_t *first, struct cvt_err *e);
/* Reports a parameter of one number under that name. */
int method_watch(struct learner *l, const char *name, const char *param, struct cvt_err *e);
/* LOSS between a stage and a field, with the stream's `weight` if it has one; a map of one channel
 * fits a field of as many numbers. */
int method_loss(struct learner *l, const char *loss, size_t output, const char *field,
	double label_smoothing, size_t *node, struct cvt_err *e);
/* Puts the stream's `weight` behind a loss's n inputs, if it has one: rows of weight 0 are absent. */
int method_weigh(struct learner *l, size_t *in, size_t *n, struct cvt_err *e);
const struct method_value *method_value(const struct learner *l, const char *option);

/* ---- a method's options ------------------------------------------------------------ */

/* The defaults, into METHOD_OPTIONS values. */
void method_defaults(const struct method *m, struct method_value *v);
/* What was given, a line each, "NAME VALUE" as a model's cv.options keeps it; and back: the text is
 * cut into words that the values go on to use. */
int method_options_text(
	const struct method *m, const struct method_value *v, struct str *out, struct cvt_err *e);
int method_options_read(
	const struct method *m, char *text, struct method_value *v, struct cvt_err *e);

/* ---- for score() ------------------------------------------------------------------- */

/* Adds how many of the rows with a known label (hard or soft) have their largest logit there. */
void score_accuracy(const float *logits, size_t classes, const struct tensor *label,
	const struct tensor *weight, size_t rows, struct score_sum *sum);

/* ---- for the loop ------------------------------------------------------------------ */

/* Builds the graph; parameters exist, but have no memory before graph_finish. */
int learner_open(struct learner **l, const struct method *m, const struct method_facts *facts,
	struct cvt_err *e);
/* The same of a trained network that is to make pictures; CVT_INPUT when the method has none. */
int learner_open_generator(struct learner **l, const struct method *m,
	const struct method_facts *facts, struct generator *to, struct cvt_err *e);
/* Counts the optimizer state that learner_prepare will make (graph_charge); before graph_finish, so that
 * what does not fit is refused before anything is drawn. */
int learner_charge(struct learner *l, const struct opt *opt, struct cvt_err *e);
/* Plans and optimizer state, for batches of at most that many rows. After freezing. */
int learner_prepare(
	struct learner *l, const struct opt *opt, size_t rows, struct par *par, struct cvt_err *e);
/* Bytes that it takes then, before anything runs: weights, gradients, optimizer state, values of a batch, scratch. */
size_t learner_bytes(const struct learner *l);
/* Binds the fields of these rows, from row `first` on, to the inputs of a plan. */
void learner_bind(const struct learner *l, struct plan *p, const struct batch *rows, size_t first);
void learner_close(struct learner *l);

/* True when the dotted prefix covers the name: "layer1" covers "layer1" and
 * "layer1.0.conv1.weight", not "layer10". */
bool name_has_prefix(const char *name, const char *prefix);
/* Freezes parameters under each prefix of a comma list; CVT_USAGE when one covers nothing. */
int learner_freeze(struct learner *l, const char *prefixes, struct cvt_err *e);
/* These learn, too, from now on: the phases are planned anew. After learner_prepare. */
int learner_unfreeze(struct learner *l, struct cvt_err *e);

#endif
