/** Every text of the page, in the languages of `ui_lang`. `{name}` is filled in. */

const en = {
  accept: "Accept", reject: "Reject", ignore: "Ignore", undo: "Undo", flag: "Flag", flagged: "Flagged",
  flagNote: "Note to the flag", instructions: "Instructions", changed: "changed", keys: "Keys", history: "History",
  close: "Close", menu: "Menu", theme: "Light or dark", loading: "Loading…", saved: "All answers are saved",
  unsent: "{n} unsent", retry: "will be sent as soon as the server can be reached",
  unsentHere: "kept in this browser until the server has them", refusedCount: "{n} refused",
  refusedWhy: "Refused by the server and kept in this browser: {why}",
  others: "{n} unsent of {who} are kept in this browser",
  noStorage: "This browser keeps nothing: leave the page open until everything is sent.",
  offline: "The server cannot be reached. Answers are kept here and sent by themselves.",
  notAllowed: "The server does not take requests from here: {why}",
  failing: "The server has a problem: {why}", progress: "{n} of {total}", answered: "{n} answered",
  pace: "{n} an hour", left: "about {time} left", minutes: "{n} min", hours: "{n} h",
  dataset: "Dataset", session: "Session", lang: "Language", recipe_name: "Recipe", view_id: "View", label: "Label", total: "Answered",
  stats: "This visit", latest: "Latest answers", all: "All own answers", more: "Show more", search: "Search own answers",
  noneYet: "No answers yet.", correcting: "You are correcting an answer of yours: {answer}.", keep: "Leave it as it was",
  done: "All {n} answers are saved.", doneTitle: "No tasks available", nothing: "Nothing for you right now.",
  allAnswered: "All tasks are answered.", elsewhere: "{n} on {who}’s screen", elsewhereLine: "Open elsewhere: {list}.",
  goesOn: "This page looks for new tasks and goes on by itself.", stillUnsent: "{n} still to be sent.",
  continues: "New tasks have come.", starting: "Your server is starting, {n} s…",
  unknownView: "This page cannot show tasks of the view “{view}”. Answer with ignore, or tell whoever manages the project.",
  broken: "This task cannot be shown: {why}", filter: "Type to filter", options: "Options", noOption: "Nothing fits “{text}”.",
  zoomIn: "Larger", zoomOut: "Smaller", zoomReset: "Whole picture", picture: "Picture of the task",
  pictureFailed: "The picture could not be loaded: {url}", answerField: "Your answer", versions: "Versions",
  version: "Version {n}", chosenBy: "{who}", edit: "Change this version", long: "{n} tokens: this page is made for at most {most}. Consider splitting such texts.",
  keysFor: "Keys that work now", pressEsc: "leave the field", pick: "choose", pickVersion: "choose a version",
  instructionsChanged: "The instructions have changed.", task: "Task", decision: "Decision", onlyHere: "not in all versions", save: "Save now", empty: "no text",
};
export type Words = typeof en;
export type Word = keyof Words;

const de: Words = {
  accept: "Annehmen", reject: "Ablehnen", ignore: "Überspringen", undo: "Zurück", flag: "Markieren", flagged: "Markiert",
  flagNote: "Notiz zur Markierung", instructions: "Anleitung", changed: "geändert", keys: "Tasten", history: "Verlauf",
  close: "Schließen", menu: "Menü", theme: "Hell oder dunkel", loading: "Lädt …", saved: "Alle Antworten sind gespeichert",
  unsent: "{n} nicht gesendet", retry: "wird gesendet, sobald der Server erreichbar ist",
  unsentHere: "in diesem Browser aufbewahrt, bis der Server sie hat", refusedCount: "{n} abgelehnt",
  refusedWhy: "Vom Server abgelehnt und in diesem Browser aufbewahrt: {why}",
  others: "{n} nicht gesendete von {who} liegen in diesem Browser",
  noStorage: "Dieser Browser bewahrt nichts auf: Lassen Sie die Seite offen, bis alles gesendet ist.",
  offline: "Der Server ist nicht erreichbar. Antworten bleiben hier und werden von selbst gesendet.",
  notAllowed: "Der Server nimmt von hier nichts an: {why}",
  failing: "Der Server hat ein Problem: {why}", progress: "{n} von {total}", answered: "{n} beantwortet",
  pace: "{n} pro Stunde", left: "noch etwa {time}", minutes: "{n} Min.", hours: "{n} Std.",
  dataset: "Datensatz", session: "Sitzung", lang: "Sprache", recipe_name: "Rezept", view_id: "Ansicht", label: "Label", total: "Beantwortet",
  stats: "Dieser Besuch", latest: "Letzte Antworten", all: "Alle eigenen Antworten", more: "Mehr zeigen", search: "Eigene Antworten durchsuchen",
  noneYet: "Noch keine Antworten.", correcting: "Sie berichtigen eine eigene Antwort: {answer}.", keep: "Lassen, wie es war",
  done: "Alle {n} Antworten sind gespeichert.", doneTitle: "Keine Aufgaben verfügbar", nothing: "Gerade nichts für Sie.",
  allAnswered: "Alle Aufgaben sind beantwortet.", elsewhere: "{n} auf dem Bildschirm von {who}", elsewhereLine: "Anderswo offen: {list}.",
  goesOn: "Diese Seite sucht nach neuen Aufgaben und macht von selbst weiter.", stillUnsent: "{n} noch zu senden.",
  continues: "Es gibt neue Aufgaben.", starting: "Ihr Server startet, {n} s …",
  unknownView: "Diese Seite kann Aufgaben der Ansicht „{view}“ nicht zeigen. Überspringen Sie sie, oder sagen Sie der Projektleitung Bescheid.",
  broken: "Diese Aufgabe kann nicht gezeigt werden: {why}", filter: "Tippen zum Filtern", options: "Auswahl", noOption: "Nichts passt zu „{text}“.",
  zoomIn: "Größer", zoomOut: "Kleiner", zoomReset: "Ganzes Bild", picture: "Bild der Aufgabe",
  pictureFailed: "Das Bild konnte nicht geladen werden: {url}", answerField: "Ihre Antwort", versions: "Fassungen",
  version: "Fassung {n}", chosenBy: "{who}", edit: "Diese Fassung ändern", long: "{n} Tokens: Diese Seite ist für höchstens {most} gemacht. Besser solche Texte teilen.",
  keysFor: "Tasten, die jetzt gelten", pressEsc: "Feld verlassen", pick: "auswählen", pickVersion: "Fassung wählen",
  instructionsChanged: "Die Anleitung hat sich geändert.", task: "Aufgabe", decision: "Entscheidung", onlyHere: "nicht in allen Fassungen", save: "Jetzt speichern", empty: "kein Text",
};

const fr: Words = {
  accept: "Accepter", reject: "Rejeter", ignore: "Ignorer", undo: "Annuler", flag: "Signaler", flagged: "Signalé",
  flagNote: "Note du signalement", instructions: "Consignes", changed: "modifiées", keys: "Touches", history: "Historique",
  close: "Fermer", menu: "Menu", theme: "Clair ou sombre", loading: "Chargement…", saved: "Toutes les réponses sont enregistrées",
  unsent: "{n} non envoyées", retry: "envoi dès que le serveur répond",
  unsentHere: "gardées dans ce navigateur jusqu’à ce que le serveur les ait", refusedCount: "{n} refusées",
  refusedWhy: "Refusée par le serveur et gardée dans ce navigateur : {why}",
  others: "{n} non envoyées de {who} sont gardées dans ce navigateur",
  noStorage: "Ce navigateur ne garde rien : laissez la page ouverte jusqu’à ce que tout soit envoyé.",
  offline: "Le serveur ne répond pas. Les réponses restent ici et partiront d’elles-mêmes.",
  notAllowed: "Le serveur n’accepte rien d’ici : {why}",
  failing: "Le serveur a un problème : {why}", progress: "{n} sur {total}", answered: "{n} répondues",
  pace: "{n} par heure", left: "encore {time} environ", minutes: "{n} min", hours: "{n} h",
  dataset: "Jeu de données", session: "Session", lang: "Langue", recipe_name: "Recette", view_id: "Vue", label: "Étiquette", total: "Répondues",
  stats: "Cette visite", latest: "Dernières réponses", all: "Toutes mes réponses", more: "En voir plus", search: "Chercher dans mes réponses",
  noneYet: "Pas encore de réponse.", correcting: "Vous corrigez une de vos réponses : {answer}.", keep: "Laisser comme avant",
  done: "Les {n} réponses sont enregistrées.", doneTitle: "Aucune tâche disponible", nothing: "Rien pour vous en ce moment.",
  allAnswered: "Toutes les tâches ont une réponse.", elsewhere: "{n} à l’écran de {who}", elsewhereLine: "Ouvertes ailleurs : {list}.",
  goesOn: "Cette page cherche de nouvelles tâches et continue d’elle-même.", stillUnsent: "{n} encore à envoyer.",
  continues: "De nouvelles tâches sont arrivées.", starting: "Votre serveur démarre, {n} s…",
  unknownView: "Cette page ne sait pas montrer les tâches de la vue « {view} ». Ignorez-les ou prévenez la personne responsable.",
  broken: "Cette tâche ne peut pas être montrée : {why}", filter: "Tapez pour filtrer", options: "Choix", noOption: "Rien ne correspond à « {text} ».",
  zoomIn: "Agrandir", zoomOut: "Réduire", zoomReset: "Image entière", picture: "Image de la tâche",
  pictureFailed: "L’image n’a pas pu être chargée : {url}", answerField: "Votre réponse", versions: "Versions",
  version: "Version {n}", chosenBy: "{who}", edit: "Modifier cette version", long: "{n} tokens : cette page est faite pour {most} au plus. Mieux vaut couper ces textes.",
  keysFor: "Touches actives", pressEsc: "quitter le champ", pick: "choisir", pickVersion: "choisir une version",
  instructionsChanged: "Les consignes ont changé.", task: "Tâche", decision: "Décision", onlyHere: "pas dans toutes les versions", save: "Enregistrer", empty: "pas de texte",
};

const es: Words = {
  accept: "Aceptar", reject: "Rechazar", ignore: "Omitir", undo: "Deshacer", flag: "Marcar", flagged: "Marcado",
  flagNote: "Nota de la marca", instructions: "Instrucciones", changed: "cambiadas", keys: "Teclas", history: "Historial",
  close: "Cerrar", menu: "Menú", theme: "Claro u oscuro", loading: "Cargando…", saved: "Todas las respuestas están guardadas",
  unsent: "{n} sin enviar", retry: "se enviarán en cuanto responda el servidor",
  unsentHere: "guardadas en este navegador hasta que el servidor las tenga", refusedCount: "{n} rechazadas",
  refusedWhy: "Rechazada por el servidor y guardada en este navegador: {why}",
  others: "{n} sin enviar de {who} están en este navegador",
  noStorage: "Este navegador no guarda nada: deje la página abierta hasta que todo esté enviado.",
  offline: "No se llega al servidor. Las respuestas quedan aquí y se envían solas.",
  notAllowed: "El servidor no acepta nada desde aquí: {why}",
  failing: "El servidor tiene un problema: {why}", progress: "{n} de {total}", answered: "{n} respondidas",
  pace: "{n} por hora", left: "quedan unos {time}", minutes: "{n} min", hours: "{n} h",
  dataset: "Conjunto de datos", session: "Sesión", lang: "Idioma", recipe_name: "Receta", view_id: "Vista", label: "Etiqueta", total: "Respondidas",
  stats: "Esta visita", latest: "Últimas respuestas", all: "Todas mis respuestas", more: "Ver más", search: "Buscar en mis respuestas",
  noneYet: "Aún no hay respuestas.", correcting: "Está corrigiendo una respuesta suya: {answer}.", keep: "Dejarla como estaba",
  done: "Las {n} respuestas están guardadas.", doneTitle: "No hay tareas disponibles", nothing: "Nada para usted ahora mismo.",
  allAnswered: "Todas las tareas tienen respuesta.", elsewhere: "{n} en la pantalla de {who}", elsewhereLine: "Abiertas en otro lugar: {list}.",
  goesOn: "Esta página busca tareas nuevas y sigue sola.", stillUnsent: "{n} aún por enviar.",
  continues: "Han llegado tareas nuevas.", starting: "Su servidor está arrancando, {n} s…",
  unknownView: "Esta página no puede mostrar tareas de la vista «{view}». Omítalas o avise a quien dirige el proyecto.",
  broken: "Esta tarea no se puede mostrar: {why}", filter: "Escriba para filtrar", options: "Opciones", noOption: "Nada coincide con «{text}».",
  zoomIn: "Ampliar", zoomOut: "Reducir", zoomReset: "Imagen entera", picture: "Imagen de la tarea",
  pictureFailed: "No se pudo cargar la imagen: {url}", answerField: "Su respuesta", versions: "Versiones",
  version: "Versión {n}", chosenBy: "{who}", edit: "Cambiar esta versión", long: "{n} tokens: esta página está hecha para {most} como mucho. Conviene dividir esos textos.",
  keysFor: "Teclas activas", pressEsc: "salir del campo", pick: "elegir", pickVersion: "elegir una versión",
  instructionsChanged: "Las instrucciones han cambiado.", task: "Tarea", decision: "Decisión", onlyHere: "no en todas las versiones", save: "Guardar ahora", empty: "sin texto",
};

const LANGUAGES: Record<string, Words> = { en, de, fr, es };
export let language = "en";
let words = en;

/** Choose the language by `ui_lang`; English where it is none of these. */
export function speak(chosen: string): void {
  language = chosen.toLowerCase().split(/[-_]/)[0] ?? "en";
  if (!(language in LANGUAGES)) language = "en";
  words = LANGUAGES[language] ?? en;
}

/** A text in the page's language. */
export function say(word: Word, values: Record<string, string | number> = {}): string {
  return fill(words[word], values);
}

/** Put values into `{name}`. */
export function fill(pattern: string, values: Record<string, string | number>): string {
  return pattern.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}
