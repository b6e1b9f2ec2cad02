// The ends of the walk: what turns a layer's rows into tiles (feature map, position, scale, the column of ones) and where a
// composition's stages and tensors meet.
#pragma once

#include "supra/core/attention.hpp"
#include "supra/core/walk.hpp"

namespace supra {

// Which part of each sequence a launch walks: the whole of it, or parts first .. first + count - 1 of each sequence, every one
// for itself from its own state (parts.hpp says where those come from).
template <class A>
struct sequence_parts {
  std::int64_t first = 0, count = 1, all = 1;  // all: of a sequence
  std::int64_t length = 0;                     // tokens of a part
  A* states = nullptr;                         // (sequences, H, count, F, E); null: whole sequences
  A* totals = nullptr;                         // (sequences, H, count): what each part leaves of the state before it
  SUPRA_FN bool whole() const { return states == nullptr; }
};

template <class Composition, class T>
struct attention_call {
  using storage = T;
  using composition = Composition;
  using A = accumulator_t<T>;
  using feature_map = typename Composition::feature_map;
  using position_stage = typename Composition::position_stage;
  using decay_stage = typename Composition::decay_stage;
  using normalizer_stage = typename Composition::normalizer_stage;
  static constexpr bool denominator = normalizer_stage::wants_denominator;
  static constexpr bool turns = !IsIdentity<position_stage>;
  static constexpr decay_kind kind = decay_stage::kind;

  Composition stages;
  attention_shape shape;
  sequences seq;
  attention_inputs<T> in;
  const A* log_gamma = nullptr;   // (H), constant schedules only
  const double* table = nullptr;  // the position's
  const A* angles = nullptr;      // (longest, F): of positions 0, 1, ...; null: each chunk computes its own
  sequence_parts<A> parts;

  // Every row of q, k and v begins at a multiple of so many bytes.
  bool rows_aligned(int bytes) const { return in.q.aligned(bytes) && in.k.aligned(bytes) && in.v.aligned(bytes); }
  SUPRA_FN int features() const { return feature_map::out_dim(shape.d); }
  SUPRA_FN int columns() const { return shape.e + (denominator ? 1 : 0); }
  SUPRA_FN int group() const { return shape.heads / shape.kv_heads; }
  SUPRA_FN A key_scale() const { return A(1) / math::sqrt(static_cast<A>(features())); }

  // At least -1000: exp of less is 0 in every type, and sums of it stay numbers.
  SUPRA_FN A decay_at(std::int64_t token, int head) const {
    const A g = given_decay_at(token, head);
    return g < A(-1000) ? A(-1000) : g;
  }
  SUPRA_FN A given_decay_at(std::int64_t token, int head) const {
    if constexpr (kind == decay_kind::constant)
      return log_gamma[head];
    else if constexpr (kind == decay_kind::learned)
      return stages.decay.log_gamma(in.decay[head]);
    else
      return stages.decay.log_gamma(in.decay[token * shape.heads + head]);
  }
  SUPRA_FN place<A> at(std::int64_t s, std::int64_t t, int head, bool key, A* gradient = nullptr) const {
    const int p = parameters_of<feature_map>(shape.d);
    const A* own = key ? in.feature_k : in.feature_q;
    return {seq.start(s) + t, head, key, p ? own + static_cast<std::int64_t>(head) * p : nullptr, table, gradient};
  }
  SUPRA_FN place<A> at_normalizer(std::int64_t s, std::int64_t t, int head, A* gradient = nullptr) const {
    const int p = parameters_of<normalizer_stage>(shape.e);
    return {seq.start(s) + t, head,    false, p ? in.normalizer + static_cast<std::int64_t>(head) * p : nullptr,
            nullptr,          gradient};
  }
  SUPRA_FN strided<const T> input_of(bool key) const { return key ? in.k : in.q; }

  // One chunk of sequence s: its first token in the sequence (t0), in the tensors (t0 + base), its length, and how far away the
  // walk's next chunk is (0: nowhere, or not every row of it has one here).
  struct chunk {
    std::int64_t s, base, t0;
    int n;
    int next = 0;
    int next_n = 0;        // its length
    bool fetched = false;  // this chunk was the next of the one before it
    int after = 0;         // how far away the walk's next chunk is, whether or not `next` says so
    SUPRA_FN std::int64_t token(int r) const { return base + t0 + r; }
  };
  // What team `index` of a launch over sequences, `heads` heads and parts walks: tokens begin .. end - 1 of sequence s.
  struct part {
    std::int64_t s, index, begin, end;  // index: of the part, in all arrays over (sequences, heads, parts of this launch)
    int head;
    std::int64_t number;  // of the part in its sequence
    bool last;            // the sequence ends here
    int key_head;         // that `head` reads, or is
  };
  SUPRA_FN part part_of(std::int64_t index, int heads) const {
    const std::int64_t row = index / parts.count, s = row / heads, tokens = seq.tokens(s);
    const std::int64_t number = parts.first + index % parts.count;
    const int head = static_cast<int>(row % heads), key_head = heads == shape.kv_heads ? head : head / group();
    if (parts.whole()) return {s, index, 0, tokens, head, 0, true, key_head};
    const std::int64_t begin = number * parts.length, end = begin + parts.length < tokens ? begin + parts.length : tokens;
    return {s, index, begin, end, head, number, begin < tokens && end == tokens, key_head};
  }
  SUPRA_FN std::int64_t state_size() const { return static_cast<std::int64_t>(features()) * columns(); }
  // The state that query head h of sequence s has where the part begins (in the walk's direction); none: zero.
  SUPRA_FN const A* state_before(const part& p, int h, const A* whole) const {
    const std::int64_t row = p.s * shape.heads + h;
    if (!parts.whole()) return parts.states + (row * parts.count + p.number - parts.first) * state_size();
    return whole ? whole + row * state_size() : nullptr;
  }
  // The chunk of sequence s that begins at token t, within a part.
  template <direction Dir>
  SUPRA_FN chunk chunk_from(const part& p, std::int64_t t) const {
    const std::int64_t left = p.end - t;
    const bool forward = Dir == direction::forward, more = left >= shape.chunk && (forward ? left > shape.chunk : t > p.begin);
    const std::int64_t after = forward ? left - shape.chunk : shape.chunk;
    return {p.s,
            seq.first(p.s),
            t,
            static_cast<int>(left < shape.chunk ? left : shape.chunk),
            more ? (forward ? shape.chunk : -shape.chunk) : 0,
            static_cast<int>(after < shape.chunk ? after : shape.chunk),
            forward ? t > p.begin : left >= 2 * shape.chunk,
            forward ? (left > shape.chunk ? shape.chunk : 0) : (t > p.begin ? -shape.chunk : 0)};
  }
  // A team may bring a whole chunk's rows, for query head h and key head g, while it does other things (bring), and wait for
  // them where they are needed (await). Asked for before a part's first chunk, and the next ones once a chunk's rows have been
  // read.
  template <direction Dir, class Team>
  SUPRA_FN void bring_first(Team& team, const part& p, int h, int g) const {
    if constexpr (requires { team.bring(std::int64_t{}, h, g); })
      if (p.begin < p.end) team.bring(seq.first(p.s) + first_chunk<Dir>(p), h, g);
  }
  template <class Team>
  static SUPRA_FN void bring_next(Team& team, const chunk& c, int h, int g) {
    if constexpr (requires { team.bring(std::int64_t{}, h, g); })
      if (c.after != 0) team.bring(c.token(0) + c.after, h, g);
  }
  template <class Team>
  static SUPRA_FN void await(Team& team) {
    if constexpr (requires { team.await(); }) team.await();
  }
  // The same for rows that go into a tile as they are: they come right there, once nobody uses what is in it.
  template <direction Dir, class Team, class E>
  SUPRA_FN void bring_first_plain(Team& team, tile<E> to, const part& p, int h, int g) const {
    if constexpr (requires { team.bring_plain(to, std::int64_t{}, h, g); })
      if (p.begin < p.end) team.bring_plain(to, seq.first(p.s) + first_chunk<Dir>(p), h, g);
  }
  template <class Team, class E>
  static SUPRA_FN void bring_next_plain(Team& team, tile<E> to, const chunk& c, int h, int g) {
    if constexpr (requires { team.bring_plain(to, std::int64_t{}, h, g); })
      if (c.after != 0) team.bring_plain(to, c.token(0) + c.after, h, g);
  }
  template <class Team>
  static SUPRA_FN void await_plain(Team& team) {
    if constexpr (requires { team.await_plain(); }) team.await_plain();
  }
  // Where the walk's first chunk begins in the sequence.
  template <direction Dir>
  SUPRA_FN std::int64_t first_chunk(const part& p) const {
    return Dir == direction::forward ? p.begin : p.begin + (p.end - p.begin - 1) / shape.chunk * shape.chunk;
  }
  template <class Team>
  SUPRA_FN void fill_decay(Team& team, chunk_decay<A>& d, const chunk& c, int head) const {
    if constexpr (kind == decay_kind::per_token) {
      d.fill(team, c.n, [&](int i) { return decay_at(c.token(i), head); });
    } else if (d.known_n != c.n || d.known_head != head) {
      const A g = decay_at(0, head);
      d.fill(team, c.n, [=](int) { return g; });
      d.known_n = c.n, d.known_head = head;
    }
  }
  // Angles of the chunk's tokens, once for queries, keys and their gradients; `room` where they are not there yet.
  template <class Team>
  SUPRA_FN tile<const A> angles_of(Team& team, tile<A> room, const chunk& c) const {
    if constexpr (turns) {
      if (angles) return prepared_angles(room, c);
      team.rows(c.n, [&, this](auto lanes, int r) {
        auto row = hold<width::mapped>(lanes, room[r]);
        stages.position.prepare(lanes, at(c.s, c.t0 + r, 0, false), row.view());
        row.store();
      });
      team.sync();
    }
    return prepared_angles(room, c);
  }
  // The same, where angles_of has been asked.
  SUPRA_FN tile<const A> prepared_angles(tile<A> room, const chunk& c) const {
    if (turns && angles) return {angles + c.t0 * features(), c.n, features(), features()};
    return {room.data, room.rows, room.cols, room.stride};
  }
  // x mapped, turned and, for keys, scaled.
  template <class Lanes, class X, class Turn, class Y>
  SUPRA_INLINE void map_row(Lanes lanes, const place<A>& where, X x, Turn turn, Y y) const {
    stages.feature.forward(lanes, where, x, y);
    if constexpr (turns) stages.position.forward(lanes, where, turn, y);
    if (where.key) {
      const A scale = key_scale();
      lanes.each(y.size(), [&](auto i) { y[i] *= scale; });
    }
  }
  // Row r of q or k mapped into a tile, beside what a kernel loads for its step.
  template <class Lanes, class E>
  SUPRA_INLINE void map_again(Lanes lanes, tile<E> to, const chunk& c, int r, int head, bool key, tile<const A> angles) const {
    auto x = given_row(lanes, input_of(key), c, r, head, shape.d);
    auto turn = turn_row(lanes, angles, r);
    auto y = mapped_row(lanes, to, r);
    x.load(), turn.load();
    map_row(lanes, at(c.s, c.t0 + r, head, key), x.view(), turn.view(), y.view());
    y.store();
  }
  // Rows as lanes hold them: of a tensor's chunk, of a token's angles, of a tile of mapped rows.
  template <class Lanes, class S>
  SUPRA_INLINE auto given_row(Lanes lanes, strided<S> x, const chunk& c, int r, int head, int n) const {
    return hold<width::head>(lanes, memory_row<S, A>{x.from(c.token(0), head).row(r), n});
  }
  // Loads it, as number `slot` (from 1; angles are 0) of the rows that a kernel loads for a token.
  template <class Lanes, class Held, class S>
  SUPRA_INLINE void fetch_row(Lanes lanes, Held& held, int slot, strided<S> x, const chunk& c, int r, int head) const {
    const bool more = c.next != 0 && r < c.next_n;
    fetch(lanes, held, slot, r, c.fetched, more ? x.from(c.token(0) + c.next, head).row(r) : nullptr);
  }
  template <class Lanes, class Held>
  SUPRA_INLINE void fetch_turn(Lanes lanes, Held& held, tile<const A> turns_of, const chunk& c, int r) const {
    if constexpr (turns) {
      const bool more = angles && c.next != 0 && r < c.next_n;
      fetch(lanes, held, 0, r, angles && c.fetched, more ? turns_of.row(r + c.next) : nullptr);
    }
  }
  template <class Lanes>
  SUPRA_INLINE auto turn_row(Lanes lanes, tile<const A> angles, int r) const {
    return hold<width::mapped>(lanes, memory_row<const A, A>{turns ? angles.row(r) : nullptr, turns ? features() : 0});
  }
  template <class Lanes, class E>
  SUPRA_INLINE auto mapped_row(Lanes lanes, tile<E> y, int r) const {
    return hold<width::mapped>(lanes, y_row(y, r, features()));
  }
  template <class E>
  static SUPRA_FN memory_row<E, A> y_row(tile<E> y, int r, int n) {
    return {y.row(r), n};
  }
};

// What brings rows into tiles, in two steps: load has all reads, finish all work, so that reads of one token that belong to
// several of them are under way together. load(slot) numbers them; a plain_load has its number in its type.
template <class Call, class Lanes, class E>
struct mapped_load {
  using A = typename Call::A;
  using chunk = typename Call::chunk;
  const Call& call;
  const chunk& c;
  Lanes lanes;
  int r, head;
  bool key;
  decltype(std::declval<Call>().given_row(lanes, Call().in.q, c, 0, 0, 0)) x;
  decltype(std::declval<Call>().mapped_row(lanes, tile<E>(), 0)) y;
  SUPRA_INLINE mapped_load(const Call& call, Lanes lanes, tile<E> to, const chunk& c, int r, int head, bool key)
      : call(call),
        c(c),
        lanes(lanes),
        r(r),
        head(head),
        key(key),
        x(call.given_row(lanes, call.input_of(key), c, r, head, call.shape.d)),
        y(call.mapped_row(lanes, to, r)) {}
  SUPRA_INLINE void load(int slot) { call.fetch_row(lanes, x, slot, call.input_of(key), c, r, head); }
  template <class Turn>
  SUPRA_INLINE void finish(Turn turn) {
    call.map_row(lanes, call.at(c.s, c.t0 + r, head, key), x.view(), turn, y.view());
    y.store();
  }
};

// Rows as wide as v that go into a tile as they are: v, or the gradient of the sums; as number Slot of those that a kernel
// loads. A team may bring them there on its own (bring_plain).
template <int Slot>
using row_slot = std::integral_constant<int, Slot>;
template <class Call, class Lanes, class E, int Slot>
struct plain_load {
  using A = typename Call::A;
  using T = typename Call::storage;
  using chunk = typename Call::chunk;
  const Call& call;
  const chunk& c;
  lanes_of_values<Lanes> lanes;
  int r, head;
  strided<const T> from;
  tile<E> into;
  decltype(std::declval<Call>().given_row(lanes, strided<const T>(), c, 0, 0, 0)) x;
  decltype(hold<width::head>(lanes, memory_row<E, A>())) y;
  SUPRA_INLINE plain_load(const Call& call, Lanes all, row_slot<Slot>, strided<const T> from, tile<E> to, const chunk& c, int r,
                          int head)
      : call(call),
        c(c),
        lanes(of_values(all)),
        r(r),
        head(head),
        from(from),
        into(to),
        x(call.given_row(lanes, from, c, r, head, call.shape.e)),
        y(hold<width::head>(lanes, call.y_row(to, r, call.shape.e))) {}
  static constexpr bool comes = requires { requires Lanes::plain_row == Slot - 1; };
  SUPRA_INLINE void load() {
    if constexpr (!comes) call.fetch_row(lanes, x, Slot, from, c, r, head);
  }
  // beside: of a denominator's column.
  SUPRA_INLINE void finish(A beside) {
    if constexpr (Call::denominator) lanes.once([&] { set_lone_number(into, r, call.shape.e, beside); });
    if constexpr (comes) return;
    if constexpr (requires { x.store_at(y); })
      x.store_at(y);
    else
      lanes.each(call.shape.e, [from = x.view(), to = y.view()](auto i) { to[i] = A(from[i]); }), y.store();
  }
};

// Rows' own parameter gradients of one chunk, added up in one order.
template <class A>
struct parameter_sums {
  tile<A> rows;        // (chunk, P)
  A* total = nullptr;  // (P) of this team
  template <class Alloc>
  SUPRA_FN void lay(Alloc& alloc, int chunk, int p) {
    if (p > 0) rows = take_far_tile<Alloc, A>(alloc, chunk, p), total = alloc.template scratch<A>(p);
  }
  // Where a kernel has room for the rows beside its other tiles.
  template <class Alloc>
  SUPRA_FN void lay_near(Alloc& alloc, int chunk, int p) {
    if (p > 0) rows = take_tile<Alloc, A>(alloc, chunk, p), total = alloc.template scratch<A>(p);
  }
  template <class Team>
  SUPRA_FN void clear(Team& team) const {
    if (rows.cols == 0) return;
    team.rows(1, [&, this](auto lanes, int) { lanes.each(rows.cols, [&](auto i) { total[int(i)] = 0; }); });
    team.sync();
  }
  template <class Lanes>
  SUPRA_FN A* row(Lanes lanes, int r) const {
    if (rows.cols == 0) return nullptr;
    A* p = rows.row(r);
    lanes.each(rows.cols, [&](auto i) { p[int(i)] = 0; });
    lanes.sync();
    return p;
  }
  template <class Team>
  SUPRA_FN void add(Team& team, int n) const {
    if (rows.cols == 0) return;
    team.sync();
    team.rows((n + several - 1) / several, [&, this](auto lanes, int g) {
      const int first = g * several, count = n - first < several ? n - first : several;
      lanes.each(rows.cols, [&](auto i) { rows.row(first)[int(i)] = sum(int(i), first, 1, count); });
    });
    team.sync();
    team.rows(1, [&, this](auto lanes, int) {
      for (int r = 0; r < n; r += several * several) {
        const int left = (n - r + several - 1) / several, count = left < several ? left : several;
        lanes.each(rows.cols, [&](auto i) { total[int(i)] += sum(int(i), r, several, count); });
      }
    });
    team.sync();
  }
  template <class Team>
  SUPRA_FN void store(Team& team, A* to) const {
    if (rows.cols == 0 || to == nullptr) return;
    team.rows(1, [&, this](auto lanes, int) { lanes.each(rows.cols, [&](auto i) { to[int(i)] = total[int(i)]; }); });
  }

 private:
  // Rows are added by eights, and then the eights: on a device they may be far, and so eight are read side by side.
  static constexpr int several = 8;
  SUPRA_INLINE A sum(int i, int first, int step, int count) const {
    A x[several], s = 0;
    for (int r = 0; r < several; ++r) x[r] = r < count ? rows.row(first + r * step)[i] : A(0);
    for (int r = 0; r < several; ++r) s += x[r];
    return s;
  }
};

}  // namespace supra
