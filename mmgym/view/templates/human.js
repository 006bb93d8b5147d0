// A person plays: what is asked is fetched, shown, and answered by forms, keys, clicks and drags on the picture.

let state = {number: 0};
let collected = [];

/** Ask for news again and again; a server that has gone is said, and asked again. */
async function listen() {
  for (;;) {
    try {
      const newer = await (await fetch(`state/${state.number}`)).json();
      if (newer.number !== state.number) show(newer);
    } catch {
      byId("title").textContent = "The benchmark has ended or stopped";
      byId("play").hidden = true;
      await new Promise(resolve => setTimeout(resolve, 1500));
    }
  }
}

async function answer(content) {
  const response = await fetch("answer", {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({number: state.number, ...content}),
  });
  byId("problem").textContent = (await response.json()).problem;
}

function call(name, values) {
  const made = {name, arguments: values};
  if (state.max_calls === 1) return answer({calls: [made]});
  collected.push(made);
  showCollected();
}

function showCollected() {
  byId("collected").hidden = !collected.length;
  byId("calls").replaceChildren(...collected.map(made => make("li", {}, make("code", {}, sayCall(made)))));
}

// --- what is seen -------------------------------------------------------------------------------------------------

function show(newer) {
  const first = newer.turn === 1;
  state = newer;
  collected = [];
  showCollected();
  byId("problem").textContent = "";
  const last = byId("last");
  if (state.last) {
    last.textContent = `The last episode: ${state.last.success ? "solved" : "not solved"} in ${state.last.turns} turns. ${readable(state.last.feedback)}`;
    last.className = state.last.success ? "solved" : "failed";
  } else if (!first) last.textContent = "";
  byId("play").hidden = !state.environment;
  if (!state.environment) {
    byId("title").textContent = "Waiting for the next episode";
    return;
  }
  const level = state.level ? `, level ${state.level}` : "";
  byId("title").textContent = `${shortName(state.environment)}${level}, episode ${state.episode}, turn ${state.turn}`;
  byId("instruction").textContent = readable(state.instruction);
  byId("feedback").textContent = readable(state.feedback);
  const parts = state.messages[state.messages.length - 1].parts;
  const alone = parts.filter(part => part.image).length === 1;
  byId("shown").replaceChildren(...parts.map(part => shownPart(part, alone)));
  showHistory();
  if (first || !byId("tools").children.length || byId("tools").dataset.of !== JSON.stringify(state.tools)) showTools();
}

function shownPart(part, alone) {
  if (part.image) return picture(part, alone);
  if (part.sound) return make("audio", {controls: true, src: `media/${part.sound}`});
  return make("p", {}, readable(part.text));
}

function showHistory() {
  const before = state.messages.slice(0, -1);
  byId("before").hidden = !before.length;
  byId("history").replaceChildren(...before.map(message => make("article", {}, make("h3", {}, message.role === "user" ? "seen" : "done"),
    ...message.parts.map(part => part.image ? make("img", {src: `media/${part.image}`, alt: "", loading: "lazy"}) : part.sound
      ? make("audio", {controls: true, src: `media/${part.sound}`}) : make("p", {}, readable(part.text))))));
}

// --- pictures: clicks and drags fill in whatever asks for coordinates ---------------------------------------------

function picture(part, alone) {
  const image = make("img", {src: `media/${part.image}`, alt: "what the environment shows", width: part.width, height: part.height, draggable: "false"});
  if (part.width < 300) image.classList.add("pixels");
  const drawing = make("svg", {viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true"});
  const figure = make("figure", {class: `picture${alone ? (part.width > part.height * 1.2 ? " wide" : " alone") : ""}`}, image, drawing);
  let from = null;
  const place = event => {
    const box = image.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top].map((value, axis) => Math.min(1, Math.max(0, value / (axis ? box.height : box.width))));
  };
  figure.addEventListener("pointerdown", event => { from = place(event); figure.setPointerCapture(event.pointerId); });
  figure.addEventListener("pointerup", event => {
    if (!from) return;
    const [left, top] = from, [right, bottom] = place(event);
    from = null;
    const drag = Math.abs(right - left) + Math.abs(bottom - top) > 0.02;
    const shape = drag
      ? {x: Math.min(left, right), y: Math.min(top, bottom), width: Math.abs(right - left), height: Math.abs(bottom - top)}
      : {x: left - 0.006, y: top - 0.006, width: 0.012, height: 0.012};
    drawing.replaceChildren(...["halo", "agent"].map(kind => make("rect", {class: `pointer ${kind}`, ...shape})));
    const size = {x: part.width - 1, y: part.height - 1};
    if (drag) {
      fill({x: left, y: top, to_x: right, to_y: bottom}, size);
      fill({left: Math.min(left, right), top: Math.min(top, bottom), right: Math.max(left, right), bottom: Math.max(top, bottom)}, size);
    } else fill({x: left, y: top}, size);
  });
  return figure;
}

/** Write shares of the picture into the fields of these names, in the units that each declares. */
function fill(shares, size) {
  for (const [name, share] of Object.entries(shares)) {
    for (const field of document.querySelectorAll(`input[data-name="${name}"]`)) {
      const low = Number(field.min || 0);
      const high = field.max ? Number(field.max) : size[/x|left|right/.test(name) ? "x" : "y"];
      field.value = Math.round(low + share * (high - low));
    }
  }
}

// --- tools ---------------------------------------------------------------------------------------------------------

const ARROWS = {ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right"};
let buttons = [];

function showTools() {
  buttons = [];
  byId("tools").dataset.of = JSON.stringify(state.tools);
  byId("tools").replaceChildren(...state.tools.map(toolForm));
  const arrows = Object.values(ARROWS).some(way => buttons.some(button => button.dataset.choice === way));
  byId("keys").textContent = (buttons.length ? `Keys: 1 to ${Math.min(9, buttons.length)} press the buttons` : "") + (arrows ? ", arrows move." : buttons.length ? "." : "");
}

function toolForm(tool) {
  const fields = Object.entries(tool.parameters.properties);
  const about = [make("legend", {}, tool.name), make("p", {}, tool.description)];
  const choices = fields.length === 1 && fields[0][1].enum;
  if (!fields.length || choices) {
    const made = (choices || [tool.name]).map(choice => make("button", {
      type: "button", "data-choice": choice, onclick: () => call(tool.name, choices ? {[fields[0][0]]: choice} : {}),
    }, choice));
    buttons.push(...made);
    return make("fieldset", {class: "tool"}, ...about, make("div", {class: "fields"}, ...made));
  }
  const inputs = fields.map(([name, schema]) => [name, schema, input(name, schema, tool.parameters.required.includes(name))]);
  const form = make("form", {onsubmit: event => {
    event.preventDefault();
    const values = {};
    for (const [name, schema, element] of inputs) {
      const value = read(schema, element);
      if (value !== undefined) values[name] = value;
    }
    call(tool.name, values);
  }}, make("div", {class: "fields"}, ...inputs.map(([name, schema, element]) => make("label", {title: schema.description || ""}, name, element)),
    make("button", {}, state.max_calls === 1 ? tool.name : `add ${tool.name}`)));
  return make("fieldset", {class: "tool"}, ...about, form);
}

function input(name, schema, required) {
  if (schema.enum || schema.type === "boolean") {
    const options = (schema.enum || ["true", "false"]).map(choice => make("option", {}, choice));
    return make("select", {}, ...(required ? [] : [make("option", {value: ""}, "–")]), ...options);
  }
  const numeric = schema.type === "integer" || schema.type === "number";
  return make("input", {
    type: numeric ? "number" : "text", "data-name": name, required: required && numeric, min: schema.minimum, max: schema.maximum,
    step: schema.type === "integer" ? 1 : numeric ? "any" : null, maxlength: schema.maxLength, autocomplete: "off",
  });
}

/** What a field holds; undefined for one that may be empty and is. */
function read(schema, element) {
  if (schema.type === "string" && !schema.enum) return element.value;
  if (element.value === "") return undefined;
  if (schema.type === "boolean") return element.value === "true";
  return schema.enum ? element.value : Number(element.value);
}

// --- keys and the rest ---------------------------------------------------------------------------------------------

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.altKey || event.metaKey || ["INPUT", "SELECT"].includes(event.target.tagName)) return;
  const wanted = ARROWS[event.key] ? buttons.find(button => button.dataset.choice === ARROWS[event.key]) : buttons[Number(event.key) - 1];
  if (!wanted || byId("play").hidden) return;
  event.preventDefault();
  wanted.click();
});
byId("typed").addEventListener("submit", event => {
  event.preventDefault();
  answer({text: byId("typed-text").value}).then(() => { if (!byId("problem").textContent) byId("typed-text").value = ""; });
});
byId("send").addEventListener("click", () => answer({calls: collected}));
byId("clear").addEventListener("click", () => { collected = []; showCollected(); });
byId("give-up").addEventListener("click", () => answer({give_up: true}));
listen();
