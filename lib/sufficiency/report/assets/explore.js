// The explorer's page: native controls that send what a person does, one request at a time.
const CONTROLS = ["button", "input", "select"];

function make(tag, within, properties = {}, attributes = {}) {
  const element = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  // JupyterLab would take the keys of a slider or a button for commands to its cells
  if (CONTROLS.includes(tag)) element.setAttribute("data-lm-suppress-shortcuts", "true");
  within.append(element);
  return element;
}

function choice(form, model, name, text, options, changed) {
  const label = make("label", form, { textContent: text });
  const select = make("select", label, { name });
  const fill = () => {
    select.replaceChildren();
    for (const value of model.get(options)) {
      make("option", select, { value, textContent: value || "the case as it stands" });
    }
    select.value = model.get(name);
  };
  select.addEventListener("change", () => changed(select.value));
  model.on(`change:${options} change:${name}`, fill);
  fill();
  return select;
}

function render({ model, el }) {
  const root = make("div", el, { className: "explore" });
  const choose = make("div", root, { className: "choose" });
  const sliders = make("fieldset", root, { className: "sliders" });
  const shown = make("div", root, { className: "shown" });
  const picture = make("img", shown, { className: "picture" });
  const said = make("div", shown, { className: "said" });
  const actions = make("div", root, { className: "actions" });
  const status = make("p", root, {}, { role: "status" });
  let asks = 0, waiting = false, next = null, narrow = false;

  const send = (name, value) => { model.set(name, value); model.save_changes(); };
  // A key held down must not queue up more questions than there are answers
  const move = (positions) => {
    if (waiting) { next = positions; return; }
    // What the kernel has already would never be answered
    if (JSON.stringify(positions) === JSON.stringify(model.get("positions"))) return;
    waiting = true;
    send("positions", positions);
  };
  // What is asked is asked of the sliders as they are shown
  const ask = (what, name = "") => {
    if (next) send("positions", next);
    next = null;
    send("asked", { what, name, n: ++asks, at: Date.now() });
  };

  choice(choose, model, "council", "Council", "councils", (value) => ask("council", value));
  choice(choose, model, "scenario", "Scenario", "scenarios", (value) => ask("scenario", value));
  const ranges = {};
  const positions = () => Object.fromEntries(
    Object.entries(ranges).map(([key, { input }]) => [key, Number(input.value)]));
  const say = ({ slider, input, output }) => {
    const text = slider.texts[Number(input.value) - slider.low];
    output.textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  const build = () => {
    sliders.replaceChildren();
    make("legend", sliders, { textContent: "What matters most, widest first" });
    for (const key of Object.keys(ranges)) delete ranges[key];
    for (const slider of model.get("sliders")) {
      const label = make("label", sliders);
      make("span", label, { textContent: slider.label });
      const input = make("input", label, { type: "range", min: slider.low, max: slider.high,
        step: 1, value: model.get("positions")[slider.key] || 0 });
      // After the slider: a label is of the first control in it, and an output counts as one
      const output = make("output", label, {}, { "aria-live": "off" });
      ranges[slider.key] = { slider, input, output };
      say(ranges[slider.key]);
      input.addEventListener("input", () => { say(ranges[slider.key]); move(positions()); });
    }
  };
  const place = () => {
    for (const range of Object.values(ranges)) {
      range.input.value = model.get("positions")[range.slider.key] || 0;
      say(range);
    }
  };
  const draw = () => {
    const svg = model.get("answer").pictures[narrow ? 1 : 0];
    picture.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  };
  const answered = () => {
    const answer = model.get("answer");
    if (answer.pictures) {
      draw();
      picture.alt = answer.alt;
      said.replaceChildren();
      make("h3", said, { textContent: answer.heading });
      for (const line of answer.said) make("p", said, { textContent: line });
      make("p", said, { textContent: answer.how, className: "how" });
    }
  };
  const ready = () => {
    waiting = false;
    if (next) { const held = next; next = null; move(held); }
  };
  const tell = () => { status.textContent = model.get("status"); };

  const button = (text, pressed) => {
    make("button", actions, { type: "button", textContent: text })
      .addEventListener("click", pressed);
  };
  button("Reset the sliders", () => ask("reset"));
  const label = make("label", actions, { textContent: "Name of the scenario" });
  const name = make("input", label, { type: "text", maxLength: 40, spellcheck: false },
    { autocomplete: "off", placeholder: "dearer_fees" });
  button("Save as scenario", () => ask("save", name.value));
  button("Make the annex", () => ask("annex"));
  const busy = () => {
    const now = model.get("busy");
    root.setAttribute("aria-busy", now);
    for (const control of root.querySelectorAll("select, button, input")) control.disabled = now;
  };

  build(); answered(); tell(); busy();
  model.on("change:sliders", build);
  model.on("change:positions", place);
  model.on("change:answer", answered);
  model.on("change:turn", ready);
  model.on("change:status", tell);
  model.on("change:busy", busy);
  const watch = new ResizeObserver(() => {
    narrow = el.clientWidth > 0 && el.clientWidth < 700;
    root.classList.toggle("narrow", narrow);
    draw();
  });
  watch.observe(el);
  return () => watch.disconnect();
}

export default { render };
