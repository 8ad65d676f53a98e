// ---- The explanation of one number: of an output, or of a gradient ----

/** {at, stored, breakdowns: [{user, ...breakdown}], exact, silenced} of a number of a node's output ("forward") or of its gradient ("backward").
 *
 * `breakdowns` is null if an operation has no rule or the page does not store what it needs. `exact`: nothing was rounded to 8 bits. `silenced`: a
 * learner has made it 0. */
function explain(node, direction, i, j, c) {
  return inPass(direction, () => explained(node, direction, i, j, c));
}

function explained(node, direction, i, j, c) {
  const chosen = recordedPlace(node, direction);
  const users = direction === "forward" ? [null] : usersOf(node.number);
  if (chosen && String(chosen.at) === String([i, j, c])) {
    return {
      at: [i, j, c],
      stored: chosen.stored,
      exact: true,
      breakdowns: chosen.breakdowns && chosen.breakdowns.map((breakdown, n) => unpackBreakdown(breakdown, users[n])),
    };
  }
  const stored = mapOf(node, direction === "forward" ? "y" : "dy").at(i, j, c);
  const exact = facts.levels === null || (runs.now !== null && (direction === "forward" || runs.gradient !== null));
  if (mapsAreMissing()) return { at: [i, j, c], stored, exact, breakdowns: null };
  const breakdowns = direction === "forward" ? [RULES[node.rule]?.output(node, i, j, c)] : users.map((use) => sentBack(use, i, j, c));
  const silenced = reading.pass === "forward" && isSilenced(node.number, c);
  return { at: [i, j, c], stored, exact, silenced, breakdowns: breakdowns.every(Boolean) ? breakdowns : null };
}

/** The number that Python has explained, {at, stored, breakdowns}, if it is one of the pass that is read and the page cannot do so itself. */
function recordedPlace(node, direction) {
  if (direction === "backward") return runs.gradient ? undefined : node.exactBack;
  return runs.now === null || (runs.now === runs.recorded && !RULES[node.rule]) ? node.exact : undefined;
}

function sentBack({ user, k }, i, j, c) {
  const breakdown = user.dy && RULES[user.rule]?.gradient(user, k, i, j, c);
  return breakdown && { ...breakdown, user };
}

/** A breakdown that Python has made, whose factors are in the pack. */
function unpackBreakdown(breakdown, use) {
  const factors = Object.entries(breakdown.factors).map(([name, number]) => factor(name, array(number).shape, array(number).data));
  return { ...breakdown, factors, user: use?.user };
}

/** The number that an explanation adds up to. */
const total = (explanation) => explanation.breakdowns.reduce((sum, breakdown) => sum + breakdown.value, 0);

/** Why a number is not explained: an operation has no rule, or the page does not store what it needs. */
function whyNot(node, direction) {
  const operations = direction === "forward" ? [node] : usersOf(node.number).map(({ user }) => user);
  const without = operations.filter(({ hasRule }) => !hasRule).map(({ operation }) => operation);
  if (without.length) return `${without.join(", ")} has no rule that explains its numbers (see minigoog.inspection.rule_for)`;
  return "The page does not store what is needed to explain this number";
}
