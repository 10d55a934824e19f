"use strict";
(() => {
  // Everything people wrote goes into the page as text, never as markup.
  const data = JSON.parse(document.getElementById("data").textContent);
  const scenes = data.test.scenes, total = scenes.length;
  const app = document.getElementById("app"), live = document.getElementById("live");
  const key = "atself-blind-" + data.test.id;
  const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const REMEMBERED = 2, PAUSE = 250, MINUTES_A_SCENE = 0.3;
  let sent = null, isLeaving = false;

  // ---- what is kept between visits, where the browser allows it ----
  function read() {
    try { return JSON.parse(localStorage.getItem(key)) || {}; } catch { return {}; }
  }
  function save() {
    try { localStorage.setItem(key, JSON.stringify(state)); } catch { /* not allowed here */ }
  }
  function drawn() {
    const bytes = new Uint8Array(3);
    try { crypto.getRandomValues(bytes); } catch { bytes.forEach((_, i) => { bytes[i] = Math.random() * 256; }); }
    return Array.from(bytes);
  }
  const known = read();
  const isList = (value, size) => Array.isArray(value) && value.length === size;
  const state = {
    me: isList(known.me, 3) ? known.me : drawn(),
    name: typeof known.name === "string" ? known.name : "",
    language: data.words[known.language] ? known.language : preferred(),
    choices: isList(known.choices, total) ? known.choices.map(valid) : Array(total).fill(null),
  };
  function valid(choice) { return [0, 1, REMEMBERED].includes(choice) ? choice : null; }
  function preferred() {
    if (data.words[data.language]) return data.language;
    const wanted = (navigator.languages || [navigator.language || "en"]).map((l) => l.slice(0, 2));
    return wanted.find((l) => data.words[l]) || "en";
  }

  // ---- words and elements ----
  function t(name, values) {
    const all = Object.assign({ name: data.test.name, chat: data.test.chat, of: total }, values);
    return data.words[state.language][name].replace(/\{(\w+)\}/g, (_, key) => all[key]);
  }
  function el(tag, props, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(props || {})) {
      if (name in made) made[name] = value; else made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  }
  function colour(who) {
    let sum = 0;
    for (const letter of who) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
    return "c" + (sum % 5);
  }
  const said = (text) => el("span", { className: "said", dir: "auto" }, text);
  const button = (text, className, onclick) => el("button", { type: "button", className, onclick }, text);

  // ---- where we are: the address says it, so that back, forward and reload work ----
  function step() {
    const wanted = location.hash.slice(1);
    const open = state.choices.indexOf(null), last = open < 0 ? total : open;
    if (wanted === "end") return open < 0 ? total : open;
    const number = parseInt(wanted, 10);
    return number >= 1 ? Math.min(number - 1, last) : -1;
  }
  function go(place) {
    const hash = place < 0 ? "#0" : place >= total ? "#end" : "#" + (place + 1);
    if (location.hash === hash) show(); else location.hash = hash;
  }
  function show() {
    isLeaving = false;
    document.documentElement.lang = state.language;
    document.title = t("title");
    const place = step();
    app.replaceChildren(...(place < 0 ? first() : place >= total ? last() : scene(place)));
    scrollTo(0, 0);
    const heading = app.querySelector("h1");
    if (heading) heading.focus({ preventScroll: true });
  }

  // ---- the pages ----
  function top(place) {
    const inner = el("i");
    inner.style.width = (100 * Math.max(place, 0)) / total + "%";
    const other = Object.keys(data.words).find((code) => code !== state.language);
    const toggle = button(other === "zh" ? "中文" : "English", "small language", () => {
      state.language = other;
      save();
      show();
    });
    toggle.lang = other;
    const count = place < 0 || place >= total ? null : el("span", { className: "count", "aria-hidden": "true" }, `${place + 1} / ${total}`);
    return el("header", {}, el("div", { className: "bar" }, inner), count, toggle);
  }
  function first() {
    const field = el("input", { id: "nickname", maxLength: data.longest_name, autocomplete: "nickname", value: state.name, dir: "auto" });
    field.oninput = () => { state.name = field.value; save(); };
    const open = state.choices.indexOf(null);
    const begin = () => go(open < 0 ? total : open);
    field.onkeydown = (event) => { if (event.key === "Enter" && !event.isComposing) begin(); };
    const minutes = Math.max(1, Math.round(total * MINUTES_A_SCENE));
    return [
      top(-1),
      el("h1", { tabIndex: -1 }, t("title")),
      el("p", {}, t("lead")),
      el("p", { className: "note" }, t("private")),
      el("div", { className: "start" },
        el("label", { htmlFor: "nickname" }, t("nickname")), field,
        button(t(open === 0 ? "start" : "resume"), "main", begin)),
      el("p", { className: "hint" }, t(data.post ? "time_served" : "time", { n: minutes })),
      el("p", { className: "hint keys" }, t("keys")),
    ];
  }
  function scene(place) {
    const { before, replies } = scenes[place];
    live.textContent = t("scene", { n: place + 1 });
    const lines = before.map((line, at) => {
      const isSame = at > 0 && before[at - 1].who === line.who;
      const who = isSame ? null : el("bdi", { className: "who " + (line.is_self ? "" : colour(line.who)) }, line.who);
      return el("li", { className: line.is_self ? "line own" : "line" }, who, said(line.text));
    });
    const choices = replies.map((parts, which) => {
      const made = el("button", { type: "button", className: "choice", onclick: () => choose(place, which), disabled: true },
        el("span", { className: "mark", "aria-hidden": "true" }, String(which + 1)),
        el("span", { className: "words" }, el("span", { className: "hidden" }, t("reply", { n: which + 1 })), ...parts.map(said)));
      made.setAttribute("aria-pressed", String(state.choices[place] === which));
      return made;
    });
    // The second tap of a double tap must not choose in the scene that has just appeared.
    setTimeout(() => choices.forEach((made) => { made.disabled = false; }), PAUSE);
    const isLeftOut = state.choices[place] === REMEMBERED;
    const leave = button(t(isLeftOut ? "remembered" : "remember"), "small leave", () => choose(place, REMEMBERED));
    leave.setAttribute("aria-pressed", String(isLeftOut));
    const forward = state.choices[place] === null ? null : button(t("next"), "plain next", () => go(place + 1));
    return [
      top(place),
      el("h1", { tabIndex: -1, className: "hidden" }, t("scene", { n: place + 1 })),
      el("ul", { className: "chat", "aria-label": t("before") }, ...lines),
      el("h2", {}, t("question")),
      el("div", { className: "two", role: "group", "aria-label": t("question") }, ...choices),
      el("div", { className: "under" }, leave),
      el("nav", {}, button(t("back"), "plain back", () => go(place - 1)), forward),
    ];
  }
  function choose(place, choice) {
    if (isLeaving || place !== step()) return;
    isLeaving = true;
    state.choices[place] = choice;
    save();
    app.querySelectorAll(".choice").forEach((made, at) => made.setAttribute("aria-pressed", String(at === choice)));
    setTimeout(() => go(place + 1), PAUSE);
  }
  function last() {
    live.textContent = t("thanks");
    const change = button(t("change"), "plain change", () => go(total - 1));
    const page = [top(total), el("h1", { tabIndex: -1 }, t("thanks"))];
    return data.post ? [...page, ...posted(change)] : [...page, ...offline(change)];
  }
  function offline(change) {
    return [
      el("p", {}, t("send")),
      ...coded(),
      el("p", { className: "hint" }, t("secret")),
      el("nav", {}, change),
    ];
  }
  function coded() {
    const field = el("textarea", { id: "code", readOnly: true, value: code(), spellcheck: false, dir: "ltr" });
    field.setAttribute("aria-label", t("code"));
    field.onfocus = () => field.select();
    const told = el("span", { role: "status", className: "hint" });
    const copy = button(t("copy"), "main copy", async () => { told.textContent = t((await copied(field)) ? "copied" : "select"); });
    return [field, el("p", { className: "row" }, copy, told)];
  }
  async function copied(field) {
    try { await navigator.clipboard.writeText(field.value); return true; } catch { /* not from a file */ }
    field.focus();
    field.select();
    try { return document.execCommand("copy"); } catch { return false; }
  }
  function posted(change) {
    const told = el("p", { role: "status", className: "score" }, t("sending"));
    const below = el("div", {});
    const tell = (outcome) => {
      const { right, of: guessed, is_first: isFirst, reason } = outcome;
      if (reason) {
        told.textContent = t("failed", { reason });
        below.replaceChildren(el("p", { className: "row" }, button(t("retry"), "main retry", show), change), el("p", {}, t("send")), ...coded());
      } else {
        sent = outcome;
        told.textContent = guessed ? t(isFirst ? "score" : "first", { n: right, of: guessed }) : t("score_none");
      }
    };
    if (sent) tell(sent); else post().then(tell);
    return [told, below];
  }
  async function post() {
    try {
      const headers = { "Content-Type": "text/plain", "X-Atself": data.post };
      const answer = await fetch("answers", { method: "POST", headers, body: code() });
      return await answer.json();
    } catch {
      return { reason: t("unreachable") };
    }
  }

  // ---- the code: see codes.py ----
  function nameBytes() {
    const letters = Array.from(state.name.trim()).slice(0, data.longest_name);
    return Array.from(new TextEncoder().encode(letters.join("")));
  }
  function code() {
    const test = data.test.id.match(/../g).map((pair) => parseInt(pair, 16));
    const name = nameBytes(), packed = Array(Math.ceil(total / 4)).fill(0);
    state.choices.forEach((choice, at) => { packed[at >> 2] |= choice << (2 * (at % 4)); });
    const bytes = [...test, ...state.me, name.length, ...name, total, ...packed];
    const sum = crc(bytes);
    const bits = [...bytes, sum >>> 24, sum >>> 16, sum >>> 8, sum].map((b) => (b & 255).toString(2).padStart(8, "0")).join("");
    const letters = bits.match(/.{1,5}/g).map((five) => ALPHABET[parseInt(five.padEnd(5, "0"), 2)]).join("");
    return ["ATB1", ...letters.match(/.{1,5}/g)].join("-");
  }
  function crc(bytes) {
    let sum = -1;
    for (const byte of bytes) {
      sum ^= byte;
      for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return ~sum >>> 0;
  }

  addEventListener("hashchange", show);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA)$/.test(event.target.tagName)) return;
    const place = step();
    if (place < 0 || place >= total) return;
    const options = app.querySelectorAll(".choice");
    if (event.key === "1" || event.key === "2") options[event.key - 1].click();
    if (event.key === "ArrowLeft") go(place - 1);
    if (event.key === "ArrowRight" && state.choices[place] !== null) go(place + 1);
  });
  show();
})();
