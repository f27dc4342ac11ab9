/** The words of the token views in the page's language. */
import { spanWords } from "./spans";
import { fill, language } from "./words";

const OTHERS: Record<string, Record<string, string>> = {
  de: {
    spanText: "Text zum Markieren. Pfeile bewegen, Umschalt erweitert, Ziffern geben ein Label.", spanTextReadOnly: "Markierter Text", spanToken: "Token",
    spanList: "Markierte Stellen", spanAdded: "{label} hinzugefügt: {text}", spanRemoved: "{label} entfernt: {text}", spanRemove: "{label} entfernen: {text}",
    spanUndone: "Zurückgenommen", spanRedone: "Wiederholt", spanLabel: "Label {label}", spanTapLast: "Beginnt bei {text}. Tippen Sie auf das letzte Token.",
    spanDisabled: "{text} kann nicht markiert werden", keySpanMove: "Ein Token weiter; mit Strg oder Alt zur nächsten Markierung", keySpanExtend: "Auswahl erweitern",
    keySpanEnds: "Erstes oder letztes Token", keySpanDigit: "Auswahl markieren, oder Label wählen", keySpanDigitMore: "Labels 11 bis 20",
    keySpanApply: "Auswahl mit dem gewählten Label markieren", keySpanRemove: "Markierung unter dem Cursor entfernen", keySpanClear: "Auswahl aufheben",
    keySpanUndo: "In diesem Text zurücknehmen", keySpanRedo: "In diesem Text wiederholen",
  },
  fr: {
    spanText: "Texte à marquer. Flèches pour bouger, Maj pour étendre, chiffres pour étiqueter.", spanTextReadOnly: "Texte marqué", spanToken: "token",
    spanList: "Passages marqués", spanAdded: "{label} ajouté : {text}", spanRemoved: "{label} retiré : {text}", spanRemove: "Retirer {label} : {text}",
    spanUndone: "Annulé", spanRedone: "Rétabli", spanLabel: "Étiquette {label}", spanTapLast: "Début à {text}. Touchez le dernier token.",
    spanDisabled: "{text} ne peut pas être marqué", keySpanMove: "Avancer d’un token ; avec Ctrl ou Alt, au passage suivant", keySpanExtend: "Étendre la sélection",
    keySpanEnds: "Premier ou dernier token", keySpanDigit: "Étiqueter la sélection ou choisir l’étiquette", keySpanDigitMore: "Étiquettes 11 à 20",
    keySpanApply: "Marquer la sélection avec l’étiquette choisie", keySpanRemove: "Retirer le passage sous le curseur", keySpanClear: "Effacer la sélection",
    keySpanUndo: "Annuler dans ce texte", keySpanRedo: "Rétablir dans ce texte",
  },
  es: {
    spanText: "Texto para marcar. Flechas para mover, Mayús para ampliar, cifras para etiquetar.", spanTextReadOnly: "Texto marcado", spanToken: "token",
    spanList: "Fragmentos marcados", spanAdded: "{label} añadido: {text}", spanRemoved: "{label} quitado: {text}", spanRemove: "Quitar {label}: {text}",
    spanUndone: "Deshecho", spanRedone: "Rehecho", spanLabel: "Etiqueta {label}", spanTapLast: "Empieza en {text}. Toque el último token.",
    spanDisabled: "{text} no se puede marcar", keySpanMove: "Avanzar un token; con Ctrl o Alt, al fragmento siguiente", keySpanExtend: "Ampliar la selección",
    keySpanEnds: "Primer o último token", keySpanDigit: "Etiquetar la selección o elegir la etiqueta", keySpanDigitMore: "Etiquetas 11 a 20",
    keySpanApply: "Marcar la selección con la etiqueta elegida", keySpanRemove: "Quitar el fragmento bajo el cursor", keySpanClear: "Borrar la selección",
    keySpanUndo: "Deshacer en este texto", keySpanRedo: "Rehacer en este texto",
  },
};

/** A text of the token views. */
export function span_word(key: string, values: Record<string, string> = {}): string {
  return fill(OTHERS[language]?.[key] ?? spanWords[key] ?? key, values);
}
