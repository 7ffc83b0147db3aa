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

  const whyStale = (answer) => {
    if (answer.status === 401) return "You are not logged in any more, so this page stands still; load it again to log in.";
    if (answer.status === 0) return "This page stands still: the server does not answer.";
    return `This page stands still. ${inText(answer)}`;
  };

  // A part that is fetched every few seconds must not shout over what a person reads: only what is new is said.
  const stale = (text) => {
    const place = document.getElementById("stale");
    if (place.textContent !== text) place.textContent = text;
  };

  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    const told = detail.xhr.getResponseHeader("X-Told");
    if (told) say("told", decodeURIComponent(told));
    else if (!detail.successful && detail.requestConfig.verb !== "get") say("failed", inText(detail.xhr));
    if (detail.elt.matches('[hx-trigger*="every"]')) stale(detail.successful ? "" : whyStale(detail.xhr));
  });

  // Airflow's frame is sandboxed: what is in it can neither lead the whole window elsewhere nor open another one. A link
  // of Airflow's own page can, and shares our origin.
  const leave = (href, target) => {
    const through = window.parent.document.createElement("a");
    through.href = href;
    through.target = target;
    through.rel = "noopener";
    window.parent.document.body.append(through);
    through.click();
    through.remove();
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[target="_top"], a[target="_blank"]');
    if (!link || window.parent === window) return;
    event.preventDefault();
    leave(link.href, link.target === "_top" && !event.ctrlKey && !event.metaKey ? "_self" : "_blank");
  });

  // Our policy lets no form end on another site, not even by a redirect, and HubSpot is shown in no frame.
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form.leads-out")) return;
    event.preventDefault();
    leave(`${event.target.action}?${new URLSearchParams(new FormData(event.target))}`, "_self");
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

  // What a person is asked about must still be there when they answer; the next fetch brings what is missed now.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (document.getElementById("ask").open) event.detail.shouldSwap = false;
  });
})();
