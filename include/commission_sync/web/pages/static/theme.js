"use strict";
// Airflow keeps what was chosen in its menu under "theme"; its frame and its menu share our origin.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    let chosen = null;
    try {
      chosen = window.localStorage.getItem("theme");
    } catch {
      // A browser that keeps nothing has its own preference.
    }
    const isDark = chosen === "dark" || (chosen !== "light" && dark.matches);
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    document.dispatchEvent(new Event("themed"));
  };
  apply();
  window.addEventListener("storage", apply);
  dark.addEventListener("change", apply);
})();
