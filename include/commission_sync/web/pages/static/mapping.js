"use strict";
// The mapping page: completion in formulas, and the place of an error.
(() => {
  const WORD = /[\p{L}_][\p{L}\p{N}_]*$/u;
  const list = Object.assign(document.createElement("ul"), { id: "completions", className: "completions", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Names and functions");
  document.body.append(list);
  let offered = [], chosen = -1, area = null, known = null;

  const draftNames = () =>
    [...document.querySelectorAll('#mapping input[name$="-field"], #mapping input[name^="calculated-"][name$="-name"]')]
      .map((input) => input.value.trim())
      .filter(Boolean);

  async function names(from) {
    known ??= fetch(from.dataset.names, { headers: { Accept: "application/json" } }).then((answer) => {
      if (!answer.ok) throw new Error(`names: ${answer.status}`);
      return answer.json();
    });
    let listed;
    try {
      listed = await known;
    } catch {
      known = null;
      listed = [];
    }
    const there = new Set(listed.map((one) => one.name));
    const own = draftNames().filter((name) => !there.has(name));
    return [...own.map((name) => ({ name, insert: quoted(name), kind: "", about: "field of this draft" })), ...listed];
  }

  const quoted = (name) =>
    /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) && !/^(and|or|not|true|false|null)$/i.test(name) ? name : `"${name}"`;

  function begun() {
    const before = area.value.slice(0, area.selectionStart);
    // Within text there is nothing to complete.
    if ((before.replace(/"[^"]*"/g, "").match(/'/g) || []).length % 2) return null;
    const open = /"([^"]*)$/.exec(before.replace(/"[^"]*"/g, (found) => "_".repeat(found.length)));
    if (open) return { start: open.index, text: open[1] };
    const word = WORD.exec(before);
    return { start: word ? word.index : before.length, text: word ? word[0] : "" };
  }

  function rank(one, text) {
    const name = one.name.toLowerCase();
    return name.startsWith(text) ? 0 : name.includes(text) ? 1 : one.about.toLowerCase().includes(text) ? 2 : 3;
  }

  async function offer(all) {
    const asked = area, place = begun();
    if (!place || (!place.text && !all)) return close();
    const text = place.text.toLowerCase();
    const fitting = (await names(asked)).map((one) => [rank(one, text), one]).filter(([order]) => order < 3);
    if (asked !== area || document.activeElement !== area || begun()?.text.toLowerCase() !== text) return;
    offered = fitting.sort(([a], [b]) => a - b).slice(0, 12).map(([, one]) => one);
    if (!offered.length || (offered.length === 1 && offered[0].insert === place.text)) return close();
    list.replaceChildren(...offered.map(option));
    const box = area.getBoundingClientRect();
    list.style.left = `${box.left + scrollX}px`;
    list.style.top = `${box.bottom + scrollY}px`;
    list.hidden = false;
    area.setAttribute("aria-controls", list.id);
    choose(0);
  }

  function option(one, number) {
    const item = Object.assign(document.createElement("li"), { id: `completion-${number}` });
    item.setAttribute("role", "option");
    const name = Object.assign(document.createElement("b"), { textContent: one.name });
    const about = Object.assign(document.createElement("span"), { textContent: ` ${one.kind} ${one.about}` });
    item.append(name, about);
    item.addEventListener("mousedown", (event) => { event.preventDefault(); take(number); });
    return item;
  }

  function choose(number) {
    chosen = (number + offered.length) % offered.length;
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", at === chosen));
    list.children[chosen].scrollIntoView({ block: "nearest" });
    area.setAttribute("aria-activedescendant", `completion-${chosen}`);
  }

  function close() {
    list.hidden = true;
    offered = [];
    area?.removeAttribute("aria-activedescendant");
    area?.removeAttribute("aria-controls");
  }

  function take(number) {
    const { start } = begun();
    area.setRangeText(offered[number].insert, start, area.selectionStart, "end");
    close();
    area.dispatchEvent(new Event("input", { bubbles: true }));
    close();
  }

  const isFormula = (element) => element instanceof HTMLTextAreaElement && element.classList.contains("formula");

  document.addEventListener("input", (event) => {
    if (isFormula(event.target) && event.isTrusted) { area = event.target; offer(false); }
  });
  document.addEventListener("focusout", (event) => { if (event.target === area) close(); });
  document.addEventListener("keydown", (event) => {
    // Enter in an input would press the form's first button.
    if (event.key === "Enter" && event.target.matches("#mapping input:not([type=checkbox])")) event.preventDefault();
    if (!isFormula(event.target)) return;
    area = event.target;
    if (event.key === " " && event.ctrlKey) { event.preventDefault(); offer(true); return; }
    if (list.hidden) return;
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in moves) choose(chosen + moves[event.key]);
    else if (event.key === "Enter" || event.key === "Tab") take(chosen);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });

  // Columns count characters, and a textarea its UTF-16 units.
  function goTo(input, column) {
    const start = [...input.value].slice(0, column - 1).join("").length;
    const word = /^"[^"]*"|^[\p{L}\p{N}_.]+|^./u.exec(input.value.slice(start));
    input.focus();
    input.setSelectionRange(start, start + (word ? word[0].length : 0));
  }

  function markFaults() {
    for (const faults of document.querySelectorAll("#mapping .faults[id]")) {
      const input = document.getElementById(faults.id.replace("faults-", ""));
      input?.setAttribute("aria-invalid", String(Boolean(faults.querySelector(".error"))));
    }
  }

  document.addEventListener("click", (event) => {
    const column = event.target.closest("button[data-column]");
    if (column) goTo(document.getElementById(column.dataset.input), Number(column.dataset.column));
  });

  // A form that has been replaced still gets the answer to its last check, which speaks of rows as they were.
  document.addEventListener("htmx:beforeCleanupElement", ({ target }) => {
    if (target.id !== "mapping") return;
    target.addEventListener("htmx:beforeOnLoad", (event) => { if (event.target === target) event.preventDefault(); });
  });

  document.addEventListener("htmx:afterSettle", markFaults);
  document.addEventListener("DOMContentLoaded", markFaults);
  markFaults();
})();
