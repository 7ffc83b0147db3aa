"use strict";
(() => {
  const say = (id, text) => {
    for (const each of ["told", "failed"]) document.getElementById(each).textContent = each === id ? text : "";
  };

  const inText = (answer) => {
    if (answer.status === 0) return "The server did not answer; nothing is known of what was asked.";
    try {
      const said = JSON.parse(answer.responseText).detail;
      return typeof said === "string" ? said : said.map((each) => each.msg).join("; ");
    } catch {
      return `It failed (HTTP ${answer.status}); the server's log says why.`;
    }
  };

  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    const told = detail.xhr.getResponseHeader("X-Told");
    if (told) say("told", decodeURIComponent(told));
    // A part that is fetched every few seconds must not shout over what a person reads.
    else if (!detail.successful && detail.requestConfig.verb !== "get") say("failed", inText(detail.xhr));
  });

  // Airflow's frame is sandboxed: what is in it can neither lead the whole window elsewhere nor open another one. A link
  // of Airflow's own page can, and shares our origin.
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[target="_top"], a[target="_blank"]');
    if (!link || window.parent === window) return;
    event.preventDefault();
    const through = window.parent.document.createElement("a");
    through.href = link.href;
    through.target = link.target === "_top" && !event.ctrlKey && !event.metaKey ? "_self" : "_blank";
    through.rel = "noopener";
    window.parent.document.body.append(through);
    through.click();
    through.remove();
  });

  // window.confirm() is not there inside a sandboxed frame.
  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    const ask = document.getElementById("ask");
    document.getElementById("ask-question").textContent = event.detail.question;
    ask.returnValue = "no";
    ask.addEventListener("close", () => ask.returnValue === "yes" && event.detail.issueRequest(true), { once: true });
    ask.showModal();
  });
})();
