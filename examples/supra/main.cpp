// The program supra: turns a pretrained transformer into an RNN, and runs both.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <new>

#include "attention_named.hpp"
#include "commands.hpp"
#include "supra/io/error.hpp"
#include "supra/train/recipe.hpp"

namespace {
using namespace supra::program;

// threads 0: as many as the backend can use.
std::unique_ptr<commands> backend_named(const std::string& name, int threads) {
  std::string known;
#ifdef SUPRA_WITH_TBB
  if (name == "tbb") return tbb_commands(threads);
  known += " tbb";
#endif
#ifdef SUPRA_WITH_EIGEN
  if (name == "eigen") return eigen_commands(threads);
  known += " eigen";
#endif
#ifdef SUPRA_WITH_KOKKOS
  if (name == "kokkos") return kokkos_commands(threads);
  known += " kokkos";
#endif
#ifdef SUPRA_WITH_CUDA
  if (name == "cuda") return cuda_commands(threads);
  known += " cuda";
#endif
  supra::io::fail("--backend ", name, ": this program was not built with it; it has", known,
                  "; another is built in with a preset of its name (cmake --list-presets)");
}
#ifdef SUPRA_WITH_TBB
const char* const first_backend = "tbb";
#else
const char* const first_backend = "eigen";
#endif

// A range that "nan" is not in, as it is in CLI11's own.
CLI::Validator number_from(double least, double most, const std::string& words, bool least_too = true) {
  return CLI::Validator(
      [=](std::string& text) {
        double x = 0;
        const bool ok = CLI::detail::lexical_cast(text, x) && (least_too ? x >= least : x > least) && x <= most;
        return ok ? std::string() : "must be a number " + words + ", found " + text;
      },
      words);
}
// A count that fits 64 bits; CLI11 would take "-1" for the largest one.
CLI::Validator whole_number() {
  return CLI::Validator(
      [](std::string& text) {
        const bool ok = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
        return ok ? std::string() : "must be a whole number from 0, found " + text;
      },
      "from 0");
}
const double most = 1e30;
CLI::Validator above_zero() { return number_from(0, most, "above 0", false); }
CLI::Validator from_zero() { return number_from(0, most, "from 0"); }

void add_backend(CLI::App& c, std::string& backend, int& threads) {
  c.add_option("--backend", backend, "Where to compute; cuda computes in bf16 and trains float32 weights")
      ->capture_default_str();
  c.add_option("--threads", threads,
               "Threads to compute on; left out: all that there are (the eigen backend has one, cuda takes none). Text files "
               "to train on are encoded on as many, left out on all processors, whatever the backend")
      ->check(CLI::Range(1, 1024).description("at least 1"));
}

void add_weights(CLI::App& c, std::string& weights) {
  c.add_option("--weights", weights,
               "How weights are kept: f32, bf16 (half the bytes) or int8 (a quarter; a scale for each row). Left out: f32. The "
               "cuda backend stores all as bf16, activations too, and takes no other")
      ->check(CLI::IsMember({"f32", "bf16", "int8"}));
}

void add_training(CLI::App& c, training_options& t) {
  c.add_option("--text", t.text, "Text files; documents end at <|endoftext|>");
  c.add_option("--tokenizer", t.tokenizer,
               "tokenizer.json, a sentencepiece .model, a .gguf, a llama2.c tokenizer.bin, a model's folder, or `bytes`");
  c.add_option("--out", t.out, "Folder for the model, log.jsonl and report.html; must not exist, or hold a run to --resume")
      ->required();
  c.add_option("--tokens", t.tokens, "Tokens to train on")->check(CLI::PositiveNumber);
  c.add_option("--seq", t.seq, "Tokens of a training sequence (the model's length)")->check(CLI::PositiveNumber);
  c.add_option("--batch", t.batch, "Sequences of a batch; left out: 8192 tokens' worth, uptrain: as make about 2,000 steps, 1024 to 8192")->check(CLI::PositiveNumber);
  c.add_option("--accumulate", t.accumulate, "Batches whose gradients make one step")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  c.add_option("--lr", t.lr, "Highest learning rate; left out: 0.002, uptrain: 0.001 sqrt(64 / the model's width)")->check(above_zero());
  c.add_option("--weight-decay", t.weight_decay, "AdamW's, on matrices; left out: 0.1, and none where a recipe distills")
      ->check(from_zero());
  c.add_option("--clip", t.clip, "Largest norm of the gradient")->check(above_zero())->capture_default_str();
  c.add_option("--z-loss", t.z_loss, "Weight of the squared log partition; left out: 0.0001, and none where a recipe distills")
      ->check(from_zero());
  c.add_option("--held-out", t.held_out,
               "Share of the documents, the last ones, or of a single document's tokens, that is never trained on")
      ->check(number_from(0, 0.9, "from 0 to 0.9"))
      ->capture_default_str();
  c.add_option("--evaluate-windows", t.evaluate_windows,
               "Most windows of the held-out text that an evaluation takes, spread over it")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  c.add_option("--seed", t.seed, "Seed of everything random")->check(whole_number())->capture_default_str();
  c.add_option("--checkpoint-every", t.checkpoint_every, "Steps between checkpoints")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  c.add_flag("--resume", t.resume, "Go on from the checkpoint in --out, to the same bits as without the break");
}

// What was typed, as a shell takes it again.
std::string command_line(int argc, char** argv) {
  std::string all = "supra";
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    const bool plain = !word.empty() && word.find_first_of(" \t\n'\"\\$`*?[](){}<>|&;#~!") == word.npos;
    for (std::size_t at = 0; !plain && (at = word.find('\'', at)) != word.npos; at += 4) word.replace(at, 1, "'\\''");
    all += " " + (plain ? word : "'" + word + "'");
  }
  return all;
}

int run(int argc, char** argv) {
  CLI::App app("supra turns pretrained transformers into RNNs by linear attention (SUPRA, arXiv 2405.06640).", "supra");
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default(false);
  std::string backend = first_backend;
  int threads = 0;

  pretrain_options pretrain;
  auto* p = app.add_subcommand("pretrain", "Train a small softmax transformer from nothing");
  add_training(*p, pretrain.train), add_backend(*p, backend, threads);
  p->add_option("--dim", pretrain.shape.dim, "Width of the model")->check(CLI::Range(1, 65536))->capture_default_str();
  p->add_option("--layers", pretrain.shape.layers, "Layers")->check(CLI::Range(1, 1024))->capture_default_str();
  p->add_option("--heads", pretrain.shape.heads, "Query heads")->check(CLI::Range(1, 65536))->capture_default_str();
  p->add_option("--kv-heads", pretrain.shape.kv_heads, "Key and value heads")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  p->add_option("--hidden", pretrain.shape.hidden, "Width of the feed-forward layer")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();

  uptrain_options uptrain;
  auto* u = app.add_subcommand("uptrain", "Turn a softmax transformer into an RNN and train it a little further");
  u->add_option("--teacher", uptrain.teacher, "The transformer: a folder, .gguf, .bin or .safetensors")->required();
  add_training(*u, uptrain.train), add_backend(*u, backend, threads);
  u->get_option("--text")->description(
      "Text files; documents end at <|endoftext|>. teacher:SEED: text that the teacher writes, kept in --out as "
      "sampled.SEED.safetensors, which can be given in its place. recall:SEED: also documents that repeat passages of the "
      "other texts, or keys with their values (a tenth of all tokens), to train recall (docs/text.md)");
  u->get_option("--lr")->description("Highest learning rate of the step that trains the whole; the transfer's is always 0.001");
  u->add_option("--sampled", uptrain.sampled,
                "Tokens that the teacher writes for --text teacher:SEED; left out: as --tokens, at most 2 million, and the "
                "held-out share")
      ->check(CLI::PositiveNumber);
  u->add_option("--attention", uptrain.attention, attention_words())
      ->capture_default_str();
  u->add_option("--kv-heads", uptrain.kv_heads,
                "Key and value heads of the student: a multiple of the teacher's that divides its heads, each a copy of one "
                "of the teacher's to begin with. The state stays as large, but for a window's keys and values. Left out: as many "
                "as the teacher's")
      ->check(CLI::Range(1, 65536));
  std::vector<std::string> recipes;
  for (auto& r : supra::train::recipes()) recipes.push_back(r.name);
  auto* recipe =
      u->add_option("--recipe", uptrain.recipe,
                    "paper (all on the text), fit (output matrices in closed form, then the text), transfer (fit, then "
                    "each layer on the teacher's, then the text), distill (the same, then the teacher's distribution) or "
                    "scratch (the text, from random values)")
          ->check(CLI::IsMember(recipes))
          ->capture_default_str();
  bool fit = true;
  u->add_flag("--no-fit{false}", fit, "The paper's plain swap, as --recipe paper");
  u->add_option("--transfer-share", uptrain.transfer_share,
                "Share of the tokens on which layers learn one by one; left out: 0.15")
      ->check(number_from(0, 0.95, "from 0 to 0.95"));
  u->add_option("--kl", uptrain.kl, "Weight of the divergence from the teacher's distribution; left out: 1")
      ->check(from_zero());
  u->add_option("--ce", uptrain.ce, "Weight of the text beside it; left out: 0.1")->check(from_zero());
  u->add_option("--window-dropout", uptrain.window_dropout,
                "Where the attention has a window: the chance of a step to train the linear branch alone, at the beginning; it "
                "falls to half of that. Left out: 0.5")
      ->check(number_from(0, 1, "from 0 to 1"));
  u->add_option("--fit-tokens", uptrain.fit_tokens, "Tokens that the closed form sees")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  u->add_option("--evaluate-at", uptrain.evaluate_at, "Tokens after which the held-out loss is measured")->delimiter(',');
  u->add_option("--lr-scratch", uptrain.lr_scratch, "Learning rate of the student from scratch; left out: 0.002")
      ->check(number_from(0, 10, "above 0, at most 10", false));
  u->add_flag("--scratch", uptrain.scratch, "Also train the student from nothing on as many tokens, to compare");
  u->add_option("--prompt", uptrain.prompt, "Beginning of the sample texts");

  generate_options generate;
  auto* g = app.add_subcommand("generate", "Go on from a prompt");
  g->add_option("--model", generate.model, "The model")->required();
  g->add_option("--tokenizer", generate.tokenizer, "Its tokenizer, where the model brings none");
  g->add_option("--prompt", generate.prompt, "The text to go on from");
  g->add_option("--tokens", generate.tokens, "Most tokens to write")->check(CLI::PositiveNumber)->capture_default_str();
  g->add_option("--temperature", generate.temperature, "0: always the likeliest token")
      ->check(number_from(0, 100, "from 0 to 100"))
      ->capture_default_str();
  g->add_option("--top-p", generate.top_p, "Sample from the likeliest tokens of this total probability")
      ->check(number_from(0, 1, "above 0, at most 1", false))
      ->capture_default_str();
  g->add_option("--seed", generate.seed, "Seed of the sampling")->check(whole_number())->capture_default_str();
  g->add_option("--batch", generate.batch,
                "Continuations, computed together; each has the next --seed. A line <|endoftext|> stands between them")
      ->check(CLI::Range(1, 65536).description("from 1 to 65536"))
      ->capture_default_str();
  g->add_option("--load-state", generate.load_state, "Go on from a saved state");
  g->add_option("--save-state", generate.save_state, "Save the state afterwards (of one text, without --batch)");
  g->add_option("--json", generate.json, "Also write the texts here");
  g->add_flag("--ignore-end{false}", generate.stop_at_end, "Do not stop where a document ends");
  add_weights(*g, generate.weights), add_backend(*g, backend, threads);

  evaluate_options evaluate;
  auto* e = app.add_subcommand("evaluate", "Loss on a text, nats per token; scores on tasks; a page about both");
  e->add_option("--model", evaluate.model, "The model")->required();
  e->add_option("--beside", evaluate.beside, "Other models to evaluate in the same way, such as the teacher");
  e->add_option("--tokenizer", evaluate.tokenizer, "Its tokenizer, where the model brings none");
  e->add_option("--text", evaluate.text, "Text files; documents end at <|endoftext|>");
  e->add_option("--window", evaluate.window, "Windows of this many tokens over the whole stream, instead of documents")
      ->check(CLI::PositiveNumber);
  e->add_flag("--by-position", evaluate.by_position,
              "Loss by position in a window; without --window an RNN's is 16 times the length it was made for, a transformer's "
              "its length");
  e->add_option("--branch", evaluate.branch,
                "What runs of a model with a window: both, linear or window; models beside it that have none run whole")
      ->check(CLI::IsMember({"both", "linear", "window"}))
      ->capture_default_str();
  auto* recall = e->add_flag("--recall", evaluate.recall,
                             "How well what the context holds is repeated: passages by distance, values of keys by number of "
                             "pairs, in sequences as long as with --by-position (docs/evaluate.md)");
  e->add_option("--recall-text", evaluate.recall_text, "Passages of this text file; left out: random tokens of the vocabulary")
      ->needs(recall);
  e->add_option("--seed", evaluate.seed, "Seed of --recall's sequences")->check(whole_number())->capture_default_str();
  e->add_option("--tasks", evaluate.tasks,
                "arc_easy, arc_challenge, piqa, winogrande, hellaswag, openbookqa, lambada_openai, boolq, mmlu (5 examples), "
                "or all that --data has; scored as lm-evaluation-harness does")
      ->delimiter(',');
  e->add_option("--data", evaluate.data, "Folder with the tasks' files; left out: eval in the folder SUPRA_DATA_DIR");
  e->add_option("--limit", evaluate.limit, "First documents, windows or examples only; sequences of each distance")
      ->check(CLI::PositiveNumber);
  e->add_option("--json", evaluate.json, "Also write the result here");
  e->add_option("--predictions", evaluate.predictions, "Write a line of JSON for each example here");
  e->add_option("--report", evaluate.report, "Write a page (HTML) here");
  add_weights(*e, evaluate.weights), add_backend(*e, backend, threads);

  convert_options convert_;
  auto* c = app.add_subcommand(
      "convert",
      "Write a model as a folder that Hugging Face's transformers opens: Llama, Mistral or Qwen2, or an RNN with the Python "
      "for it (for softmax attention with the paper's layer norm it has no class)");
  c->add_option("--model", convert_.model, "The model")->required();
  c->add_option("--tokenizer", convert_.tokenizer, "A tokenizer to put beside it");
  c->add_option("--out", convert_.out, "The new folder")->required();
  c->add_option("--dtype", convert_.dtype, "f32 or bf16; left out: as stored in safetensors, f32 from GGUF and llama2.c's .bin")
      ->check(CLI::IsMember({"f32", "bf16"}));
  c->add_option("--format", convert_.format, "hugging-face, or paper: the layout of the models that came with the SUPRA paper")
      ->check(CLI::IsMember({"hugging-face", "paper"}))
      ->capture_default_str();

  info_options info_;
  auto* i = app.add_subcommand("info", "What a model is, and what its memory of a text takes");
  i->add_option("--model", info_.model, "The model")->required();
  i->add_option("--json", info_.json, "Also write the result here");

  demo_options demo;
  auto* d = app.add_subcommand("demo", "The whole path on a made-up corpus: a small transformer, its RNN, a report");
  d->add_option("--out", demo.out, "Folder for models and report; must not exist")->required();
  d->add_option("--seed", demo.seed, "Seed of everything random")->check(whole_number())->capture_default_str();
  d->add_option("--scale", demo.scale, "More or fewer tokens")
      ->check(number_from(0.001, 1000, "from 0.001 to 1000"))
      ->capture_default_str();
  add_backend(*d, backend, threads);

  experiment_options experiment;
  experiment.command = command_line(argc, argv);
  auto* x = app.add_subcommand("experiment", "Compare attentions and recipes: several runs with several seeds, one page");
  x->add_option("experiment", experiment.experiment, "A name that --list tells, or a .json file of your own");
  x->add_flag("--list", experiment.list, "Tell the experiments that the program brings, and what they ask");
  x->add_flag("--show", experiment.show, "Print the experiment's file, to change a copy of it");
  x->add_option("--out", experiment.out,
                "Folder of the runs, experiment.json and report.html; one that holds this experiment is gone on with. Left out: "
                "experiments/NAME");
  x->add_option("--teacher", experiment.teachers,
                "The transformer, instead of the file's; given again: every variant with each of them");
  x->add_option("--tokenizer", experiment.tokenizer, "Its tokenizer, where the teacher brings none");
  x->add_option("--text", experiment.text, "Text files to train on, with --teacher; documents end at <|endoftext|>");
  x->add_option("--tokens", experiment.tokens, "Tokens of each run, instead of the file's")->check(CLI::PositiveNumber);
  x->add_option("--seeds", experiment.seeds, "Runs of each variant, with the seeds 0, 1, ...")->check(CLI::Range(1, 1000));
  x->add_option("--variants", experiment.variants, "These variants only")->delimiter(',');
  x->add_option("--set", experiment.set, "KEY=VALUE: a setting of all variants, instead of the file's common one");
  add_backend(*x, backend, threads);

  if (argc > 1 && argv[1][0] != '-' && app.get_subcommands([&](CLI::App* one) { return one->check_name(argv[1]); }).empty())
    supra::io::fail("there is no command ", supra::io::in_quotes(argv[1]), "; supra --help lists them");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) { return app.exit(error); }
  if (*x && experiment.list) return list_experiments(), 0;
  if (*x && experiment.experiment.empty())
    supra::io::fail("experiment needs a name or a file; supra experiment --list tells the names");
  if (*x && experiment.show) return show_experiment(experiment.experiment), 0;
  experiment.backend = backend;
  if (uptrain.scratch && uptrain.recipe == "scratch")
    supra::io::fail("--recipe scratch and --scratch are the same training twice; leave one of them out");
  if (*recipe && !fit && uptrain.recipe != "paper")
    supra::io::fail("--recipe ", uptrain.recipe, " and --no-fit contradict each other; leave one of them out");
  if (!fit) uptrain.recipe = "paper";
  if (*c)
    convert(convert_);
  else if (*i)
    info(info_);
  else {
    const auto run_on = backend_named(backend, threads);
    run_on->threads = threads;
    if (*p) run_on->pretrain(pretrain);
    if (*u) run_on->uptrain(uptrain);
    if (*g) run_on->generate(generate);
    if (*e) run_on->evaluate(evaluate);
    if (*d) run_on->demo(demo);
    if (*x) run_experiment(*run_on, experiment);
  }
  return 0;
}
}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file larger than allowed is an error of its write, told in words
  try {
    const int status = run(argc, argv);
    if (std::fflush(stdout) != 0)
      supra::io::fail("standard output cannot be written to: ", std::strerror(errno), "; is the disk full?");
    return status;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "supra: there is not enough memory for this; give a smaller --batch, --seq or model\n");
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "supra: %s\n", error.what());
    return 1;
  }
}
